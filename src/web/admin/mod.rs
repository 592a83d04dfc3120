//! `/admin`: what `/api/admin` does, as pages, for whoever is signed in and has the role `admin`. They need no script.
//!
//! | file | what is in it |
//! |---|---|
//! | `administrator` | who may see and who may act |
//! | `frame` | what is around every page |
//! | `confirm` | the page that asks before what cannot be undone |
//! | `overview`, `picture` | `/admin`: how the server is doing, and its last hour |
//! | `users`, `new_user`, `user`, `user_acts` | `/admin/users` |
//! | `clients`, `client`, `client_acts`, `client_form` | `/admin/clients` |
//! | `keys`, `audit`, `settings` | one page each |
//!
//! The rules are those of the API: `accounts/administration/`, `oauth/clients.rs`, `signing_keys.rs` by way of `admin/keys.rs`. An act goes to an address below that of its page, and
//! leads back.

mod administrator;
mod audit;
mod client;
mod client_acts;
mod client_form;
mod clients;
mod confirm;
mod frame;
mod keys;
mod new_user;
mod overview;
mod picture;
mod settings;
mod user;
mod user_acts;
mod users;

use actix_web::web::ServiceConfig;

pub(super) fn routes(cfg: &mut ServiceConfig) {
    cfg.configure(overview::routes)
        .configure(new_user::routes)
        .configure(users::routes)
        .configure(user::routes)
        .configure(user_acts::routes)
        .configure(clients::routes)
        .configure(client::routes)
        .configure(client_acts::routes)
        .configure(keys::routes)
        .configure(audit::routes)
        .configure(settings::routes);
}
