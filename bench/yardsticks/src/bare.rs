//! The public route on Actix alone.

use actix_web::{App, HttpServer, web};

pub async fn serve() -> crate::Outcome {
    let app = || App::new().route("/api/publicInfo", web::get().to(async || "You are viewing public info"));
    let server = HttpServer::new(app).bind(("127.0.0.1", 0))?;
    println!("{}", server.addrs().first().ok_or("no address")?.port());
    Ok(server.run().await?)
}
