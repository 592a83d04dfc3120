//! The section `[pages]`.

use tokenhouse::settings::{Color, Settings, Sources};

use super::wrong_in_file;

fn in_pages(line: &str) -> Vec<String> {
    wrong_in_file(&format!("[pages]\n{line}\n"))
}

#[test]
fn wrong_values_are_told() {
    let name = "want the name that people know this server by, 1 to 40 characters";
    let color =
        "want a colour as red, green and blue in hexadecimal digits, such as \"#0b5cad\", or \"\" for the usual one";
    let logo = "want the path of an SVG or PNG file, or \"\" for none";
    for (line, message) in [
        ("playground = 1", "pages.playground = 1: want true, false or \"auto\"".to_owned()),
        ("playground = \"yes\"", "pages.playground = \"yes\": want true, false or \"auto\"".to_owned()),
        ("name = \"  \"", format!("pages.name = \"  \": {name}")),
        ("name = \"a\\u0007b\"", format!("pages.name = \"a\\u0007b\": {name}")),
        ("color = \"blue\"", format!("pages.color = \"blue\": {color}")),
        ("color = \"#12345\"", format!("pages.color = \"#12345\": {color}")),
        ("logo = \"logo.gif\"", format!("pages.logo = \"logo.gif\": {logo}")),
        (
            "logo = \"/nowhere/logo.svg\"",
            "pages.logo = \"/nowhere/logo.svg\": there is no such file; want the path of an SVG or PNG file".to_owned(),
        ),
        ("colour = \"#000000\"", "pages.colour: unknown key; did you mean pages.color?".to_owned()),
    ] {
        assert_eq!(in_pages(line), [message], "{line}");
    }
    assert_eq!(in_pages(&format!("name = \"{}\"", "x".repeat(41))).len(), 1);
}

#[test]
fn good_values_are_taken() {
    let folder = tempfile::tempdir().unwrap();
    let logo = folder.path().join("Logo.PNG");
    std::fs::write(&logo, b"\x89PNG\r\n\x1a\nand more").unwrap();
    let text = format!(
        "[pages]\nplayground = false\nname = \" Zürich & Söhne \"\ncolor = \"#7A1fa2\"\nlogo = \"{}\"\n",
        logo.display()
    );
    let pages = Settings::read_with_files(&Sources::from_toml("x.toml", text)).unwrap().pages;
    assert_eq!((pages.playground, pages.name.as_str()), (false, "Zürich & Söhne"));
    assert_eq!((pages.color, pages.logo), (Some(Color([0x7a, 0x1f, 0xa2])), Some(logo)));
    let pages = Settings::read(&Sources::default()).unwrap().pages;
    assert_eq!((pages.playground, pages.name.as_str(), pages.color, pages.logo), (true, "tokenhouse", None, None));
    // Where others reach it, the playground is not there unasked.
    for (server, playground) in [
        ("listen = \"[::1]:3000\"", true),
        ("listen = \"0.0.0.0:3000\"", false),
        ("listen = \"192.0.2.1:3000\"", false),
        ("public_url = \"https://login.example.com\"", false),
        ("public_url = \"http://localhost.example.com\"", false),
    ] {
        let text = format!("[server]\n{server}\n");
        let pages = Settings::read(&Sources::from_toml("x.toml", text)).unwrap().pages;
        assert_eq!(pages.playground, playground, "{server}");
    }
}

#[test]
fn what_is_in_the_file_is_looked_at_before_a_start() {
    let folder = tempfile::tempdir().unwrap();
    for (name, content, message) in [
        ("html.svg", b"<html></html>".to_vec(), "its content is not SVG; want an SVG or PNG file whose name ends so"),
        ("svg.png", b"<svg></svg>".to_vec(), "its content is not PNG; want an SVG or PNG file whose name ends so"),
        (
            "bytes.svg",
            b"<svg>\xff</svg>".to_vec(),
            "its content is not SVG; want an SVG or PNG file whose name ends so",
        ),
        ("empty.png", Vec::new(), "its content is not PNG; want an SVG or PNG file whose name ends so"),
        (
            "large.svg",
            [b"<svg>".to_vec(), vec![b' '; 256 * 1024]].concat(),
            "it is larger than 256 KiB; want a smaller picture, for every page loads it",
        ),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        let sources = Sources::from_toml("x.toml", format!("[pages]\nlogo = \"{}\"\n", path.display()));
        let wrong = Settings::read_with_files(&sources).map(drop).unwrap_err().to_string();
        assert_eq!(wrong, format!("x.toml: pages.logo = \"{}\": {message}", path.display()));
        assert!(Settings::read(&sources).is_ok(), "only a start reads it");
    }
}
