//! Finding accounts, as an administrator does at his browser.

use crate::support::admin::{administrator, send};
use crate::support::app::{TestApp, on_both};
use crate::support::browser::{Browser, unescaped};
use crate::support::tokens::Findings;

/// The addresses in the rows of a page.
pub fn addresses(html: &str) -> Vec<String> {
    let rows = html.split("scope=\"row\"><a href=\"/admin/users/").skip(1);
    rows.map(|row| unescaped(row.split('>').nth(1).unwrap().split('<').next().unwrap())).collect()
}

/// All that is found, page by page, and how many pages it took.
async fn all(app: &TestApp, browser: &Browser, path: &str) -> (Vec<String>, usize) {
    let (mut found, mut pages, mut path) = (Vec::new(), 0, path.to_owned());
    loop {
        let page = browser.get(app, &path).await;
        assert_eq!(page.status, 200, "{path}");
        found.extend(addresses(&page.html));
        pages += 1;
        let link = page.html.split("\">Next page").next().filter(|before| before.len() < page.html.len());
        match link.and_then(|before| before.rsplit("href=\"").next()) {
            Some(next) => path = unescaped(next),
            None => return (found, pages),
        }
    }
}

on_both!(finding_accounts, |app| {
    let mut findings = Findings::default();
    let root = administrator(&app).await;
    let add = async |email: &str, name: &str| {
        let new = [("email", email), ("name", name), ("how", "invitation")];
        assert_eq!(send(&app, &root, "/admin/users/new", &new).await.status, 303, "{email}");
    };
    for n in 0..120 {
        add(&format!("user{n:03}@example.com"), &format!("Zoë Number {n:03}")).await;
    }
    add("ada@example.com", "Countess Lovelace").await;
    add("countess@example.org", "Somebody Else").await;
    add("oedoen@example.com", "ÖDÖN von Horváth").await;
    add("straße@example.com", "100% Ada_").await;
    let (found, pages) = all(&app, &root, "/admin/users").await;
    findings.expect("all", (found.len(), pages, found.is_sorted()), (125, 3, true));

    for (search, right) in [
        ("countess", vec!["countess@example.org", "ada@example.com"]),
        ("COUNTESS@", vec!["countess@example.org"]),
        ("ada@example.com", vec!["ada@example.com"]),
        (" Ada@Example.com ", vec!["ada@example.com"]),
        ("ödön", vec!["oedoen@example.com"]),
        ("Ödön VON", vec!["oedoen@example.com"]),
        ("STRASSE", vec![]),
        ("straße", vec!["straße@example.com"]),
        ("100%", vec!["straße@example.com"]),
        ("%", vec![]),
        ("_", vec![]),
        ("lovelace", vec![]),
        ("' OR 1=1 --", vec![]),
        ("\u{10ffff}", vec![]),
    ] {
        let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("search", search).finish();
        let (found, _) = all(&app, &root, &format!("/admin/users?{query}")).await;
        findings.expect(&format!("L10 {search}"), found, right.iter().map(|one| (*one).to_owned()).collect());
    }
    for (search, count) in [("lovelace", 1), ("%", 1), ("_", 1), ("ÖDÖN", 1), ("number 11", 10), ("example.org", 1)] {
        let query = url::form_urlencoded::Serializer::new(String::new());
        let query = { query }.append_pair("search", search).append_pair("anywhere", "yes").finish();
        let (found, _) = all(&app, &root, &format!("/admin/users?{query}")).await;
        findings.expect(&format!("anywhere {search}"), found.len(), count);
    }
    // Page by page: by their addresses, by their names, and from the one to the other.
    let (found, pages) = all(&app, &root, "/admin/users?search=user").await;
    findings.expect("by address", (found.len(), pages, found.is_sorted()), (120, 3, true));
    let (found, pages) = all(&app, &root, "/admin/users?search=ZO%C3%8B%20n").await;
    findings.expect("by name", (found.len(), pages, found.is_sorted()), (120, 3, true));
    app.sql("UPDATE users SET email = 'zoë' || email WHERE email LIKE 'user00%'").await;
    let (mut found, _) = all(&app, &root, "/admin/users?search=zo%C3%AB").await;
    findings.expect("each once", found.len(), 120);
    findings.expect("by address first", found.iter().take(10).all(|email| email.starts_with("zoë")), true);
    found.sort();
    found.dedup();
    findings.expect("each once", found.len(), 120);
    // The id of an account leads to it, and what is broken or too long is told.
    let id = app.texts("SELECT id FROM users WHERE email = 'ada@example.com'").await.remove(0);
    findings.expect(
        "id",
        root.get(&app, &format!("/admin/users?search={id}")).await.location(),
        format!("/admin/users/{id}"),
    );
    let long = "a".repeat(255);
    for query in [
        "search=user&cursor=x",
        "search=user&cursor=email:",
        "search=user&cursor=email:\u{10ffff}",
        "search=user&cursor=name:",
        "search=user&cursor=name::",
        "search=user&cursor=name:1:2",
        "search=user&cursor=user@example.com",
        "cursor=x",
        "anywhere=no",
        &format!("search={long}"),
        &format!("search={long}&anywhere=yes"),
    ] {
        let page = root.get(&app, &format!("/admin/users?{query}")).await;
        findings.expect(query, (page.status.as_u16(), page.html.contains("role=\"alert\"")), (422, true));
        findings.expect(query, (addresses(&page.html).len(), page.html.contains("No account")), (0, false));
    }
    let page = root.get(&app, &format!("/admin/users?search={long}")).await;
    findings.expect("told", page.html.contains("Search must have at most 254 characters."), true);
    findings.expect("kept, at its field", page.html.contains(&format!("value=\"{long}\"")), true);
    findings.expect("at its field", page.html.contains("aria-invalid=\"true\" aria-describedby=\"error\""), true);
    let page = root.get(&app, &format!("/admin/users?search={}&anywhere=yes", "a".repeat(254))).await;
    findings.expect("as long as may be", page.status.as_u16(), 200);
    findings.none();
});

on_both!(names_from_before_can_be_searched_for, |app| {
    let root = administrator(&app).await;
    app.sql("UPDATE users SET name = 'ÄGIDIUS', name_key = NULL").await;
    app.restart().await;
    crate::support::app::eventually("the name is found", async || {
        !addresses(&root.get(&app, "/admin/users?search=%C3%A4gid").await.html).is_empty()
    })
    .await;
});

on_both!(a_last_page_that_is_full_leads_to_no_empty_one, |app| {
    let mut findings = Findings::default();
    let root = administrator(&app).await;
    for n in 0..50 {
        app.sql(&format!(
            "INSERT INTO users (id, email, password_hash, created_at, name, name_key)
             VALUES ('00000000-0000-4000-8000-0000000000{n:02}', 'zoe{n:02}@example.com', '*', 1, 'Number {n:02}', 'number {n:02}')"
        ))
        .await;
    }
    for (query, count, pages) in [
        ("", 51, 2),
        ("?search=zoe", 50, 1),
        ("?search=number", 50, 1),
        ("?search=number&anywhere=yes", 50, 1),
        ("?search=zo", 50, 1),
    ] {
        let (found, took) = all(&app, &root, &format!("/admin/users{query}")).await;
        findings.expect(query, (found.len(), took), (count, pages));
    }
    // Fifty by their address, and then one by its name.
    app.sql("UPDATE users SET name = 'Zoran', name_key = 'zoran' WHERE email = 'root@example.com'").await;
    let (found, took) = all(&app, &root, "/admin/users?search=zo").await;
    findings.expect(
        "from the one to the other",
        (found.len(), took, found.last().unwrap().as_str()),
        (51, 2, "root@example.com"),
    );
    findings.none();
});
