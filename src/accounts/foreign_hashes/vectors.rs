//! Hashes that the libraries of other systems made of one password.

use super::*;

const PASSWORD: &str = "correct horse battery staple";

const HASHES: [(&str, &str); 20] = [
    (
        "argon2id, small",
        "$argon2id$v=19$m=64,t=1,p=1$Y2QuIP+igbnBDGwiXjKYsg$lSgcjhgP77yi5O21p7KEjfnwjEMtsPfZjk6TV7LDs7A",
    ),
    (
        "argon2id, 4 lanes, 24 bytes",
        "$argon2id$v=19$m=64,t=1,p=4$fdJ3wZ5e1prrAPysSG6/0Q$rwm8blC3Q4rdjs+HkQh/jxwsDVFZ5bLP",
    ),
    ("argon2i", "$argon2i$v=19$m=64,t=1,p=1$03pam7TMs8/Ab0O/8fH2ow$foZ1bJQfLCKZENvPB0Dz78QAeV3/Fpuffu3TQOIeBqI"),
    ("argon2d", "$argon2d$v=19$m=64,t=1,p=1$y/0B4tzWPz1fmX4TsYjG0w$eHjyde/DAUeSmkgmjfndlOn1NXjyuOrxBsD0CimOSn4"),
    (
        "argon2i, version 16",
        "$argon2i$v=16$m=64,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$hpkopB0MlYvMFPIxIm3fENT3Zj8hEHgKO54ZrchGGbk",
    ),
    ("bcrypt 2a", "$2a$04$fwBQR2dqFlQX/zAdMqIF3OWiHjO6Hcnfll4csrdgEUDrZnzmXanF2"),
    ("bcrypt 2b", "$2b$04$V7x/Zc6MLrZ7yoACIn02/ubHi3CcfLrXNF5EvnHKuGJLPaEjW2sY2"),
    ("bcrypt 2y", "$2y$04$s2Ns7o/jooXdAH2u9pPW9u8Qr69VoG.uNA2sRP98ZOrjxCJFsUwxi"),
    ("scrypt passlib", "$scrypt$ln=4,r=8,p=2$y/lfay2lFOJ8r3XundM6Jw$cAKpNnCioW5sTytYIRgADfbJdFkerVuzpup2fIyZr6w"),
    ("pbkdf2_sha1 passlib", "$pbkdf2$1000$4pzT.h9DCOG8d27tvReiVA$0QeniFb3PYrULCaaQODCw8kFYW4"),
    ("pbkdf2_sha256 passlib", "$pbkdf2-sha256$1000$NWasVer9P4ewlpLyPsd4zw$jB48jy8yqTGmMbu/.VR7sQZZOeUPZ1kyz49trS2GwpA"),
    (
        "pbkdf2_sha512 passlib",
        "$pbkdf2-sha512$1000$MKb0fg/h3Nu7NyZkLKWUkg$1QsSo.wRuyA0wnmmSZppGcVGrU/2JPwATwYY4giaef3GKA5inhHIO5SHWkh1NQcielpodMjCktdkEEaNuQ55rw",
    ),
    ("pbkdf2 PHC", "$pbkdf2-sha256$i=1000,l=32$c2FsdCBvZiBzaXh0ZWVuLg$+pNIxHbq8QaCu7hW5a5n4pkeFEUi+4G7GclyZ39X7Pg"),
    (
        "pbkdf2 PHC without l",
        "$pbkdf2-sha512$i=1000$c2FsdCBvZiBzaXh0ZWVuLg$Y8NxEYAlpF9l+PKxqdPyL8jNEJKSCquFNng00U1QmgRIkmNcrYp2xFV6WUVMBiyoNJp+LUu8s7pMQ1hDGn3EsQ",
    ),
    ("Django pbkdf2_sha256", "pbkdf2_sha256$1000$Zn1sd7BbUsQFL1lUBDvtyP$nWIjMgFTOAZ7KrUE39TiSEM01HWlV5lqRpgwpSKeWtM="),
    ("Django pbkdf2_sha1", "pbkdf2_sha1$1000$l32rUVjfzVCC6gLLXwgLdg$sutKhKxy7Ik7jfFZspbcoPKn9TI="),
    (
        "Django argon2",
        "argon2$argon2id$v=19$m=64,t=1,p=1$aUloNTY4bnVFWkJRaGNMdVFGRmJjYw$9ktspK1OsV3Qb8zKV8mX+Po5NzGY2BhFyQnVHDJiLKE",
    ),
    ("Django bcrypt_sha256", "bcrypt_sha256$$2b$04$78NgIWtoNJUeAO3kF.d/E.3RMVGGXH3b2FVKSMiQCKr/ZucyyTLvG"),
    ("Django bcrypt", "bcrypt$$2b$04$FdF2ZV2nDKXBhzClSqdTI.bFlgO1f8nCOse.JWUc6/SOmPiLYt3ES"),
    (
        "Django scrypt",
        "scrypt$16$W5X7TFFWUxD1HQhPmpKh5e$8$5$og4L6zsUng6E1NP5jW9ovSqlh4sjX/ynA9858fbbM9YzSQiiVV7NGdfmkNhNBI3LZB0gyWJN9hSp50WMLvnTYw==",
    ),
];

#[test]
fn each_is_known_for_what_it_is() {
    for (name, hash) in HASHES {
        let parsed = ForeignHash::parse(hash).unwrap_or_else(|why| panic!("{name}: {why}"));
        assert!(parsed.matches(PASSWORD.as_bytes()), "{name}");
        for wrong in
            ["", "correct horse battery stapl", "correct horse battery staple ", "Correct horse battery staple"]
        {
            assert!(!parsed.matches(wrong.as_bytes()), "{name}: {wrong:?}");
        }
    }
}

/// What Firebase publishes for its importers to check themselves with.
#[test]
fn firebase() {
    let parameters: FirebaseParameters = serde_json::from_str(
        r#"{"base64_signer_key": "jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==",
            "base64_salt_separator": "Bw==", "rounds": 8, "mem_cost": 14}"#,
    )
    .unwrap();
    let hash = "lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==";
    let hash = ForeignHash::parse(&parameters.hash("42xEC+ixf3L2lw==", hash)).unwrap();
    assert!(hash.matches(b"user1password"));
    assert!(!hash.matches(b"user2password"));
}

/// L6: what bcrypt would leave away is not left away.
#[test]
fn bcrypt_of_long_passwords() {
    let long = "x".repeat(72);
    let hash = ForeignHash::parse("$2b$04$QY0fm.KbR2hC2Pfr/bmNW.rWoXVUL6OFylMdaS/DVuV3wxnuIZwJq").unwrap();
    assert!(hash.matches(long.as_bytes()));
    assert!(!hash.matches(format!("{long}y").as_bytes()));
    let django =
        ForeignHash::parse("bcrypt_sha256$$2b$04$tR.SwqEhgDkeHTiDBE7GuO/.SWivQQtpQ7e7cm91tbBUd.uAusy4i").unwrap();
    assert!(django.matches(format!("{long}yyyy").as_bytes()));
    assert!(!django.matches(format!("{long}yyyz").as_bytes()));
    let unicode = ForeignHash::parse("$2b$04$.PKEmKADDMwtTKB1JvW67O80PQpf.E0B4dPbJeLsyskszOoneUCMO").unwrap();
    assert!(unicode.matches("p\u{e4}ssw\u{f6}rd \u{1f40e}".as_bytes()));
}

/// L7: what comes behind a NUL counts, and so does the NUL.
#[test]
fn bcrypt_and_nul() {
    let text = bcrypt::hash("abc", 4).unwrap();
    let hash = ForeignHash::parse(&text).unwrap();
    assert!(hash.matches(b"abc"));
    assert!(bcrypt::verify("abc\0abc", &text).unwrap(), "this is what must be kept out");
    for other in [b"abc\0abc".as_slice(), b"abc\0", b"abc\0x"] {
        assert!(!hash.matches(other));
    }
}

/// Each parameter is within its bounds, and all of them together are not.
#[test]
fn what_takes_too_much_in_all() {
    let hash = "A".repeat(43);
    for costly in [
        format!("$argon2id$v=19$m=1048576,t=5,p=1$c29tZXNhbHRzb21lc2FsdA${hash}"),
        format!("$scrypt$ln=20,r=8,p=3$c2FsdA${hash}"),
        format!("$scrypt$ln=0,r=8388608,p=16$c2FsdA${hash}"),
        format!("$scrypt$ln=1,r=65536,p=65536$c2FsdA${hash}"),
        format!("$scrypt$ln=4,r=0,p=1$c2FsdA${hash}"),
        format!("$pbkdf2$4000000$c2FsdA${}", "A".repeat(86)),
    ] {
        assert!(ForeignHash::parse(&costly).is_err(), "{costly}");
    }
    for usual in [
        format!("$argon2id$v=19$m=1048576,t=4,p=4$c29tZXNhbHRzb21lc2FsdA${hash}"),
        format!("$scrypt$ln=17,r=8,p=1$c2FsdA${hash}"),
        format!("$pbkdf2-sha256$1200000$c2FsdA${hash}"),
    ] {
        assert!(ForeignHash::parse(&usual).is_ok(), "{usual}");
    }
}

#[test]
fn what_is_none_or_takes_too_much() {
    for wrong in [
        "",
        "plain",
        "5f4dcc3b5aa765d61d8327deb882cf99",
        "$1$salt$hash",
        "$argon2id$v=19$m=4294967295,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "$argon2id$v=19$m=64,t=4000000000,p=1$c29tZXNhbHRzb21lc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$AAAA",
        "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHRzb21lc2FsdA",
        "$2b$31$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234",
        "$2b$04$short",
        "$scrypt$ln=40,r=8,p=1$c2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "$scrypt$ln=4,r=1073741823,p=1$c2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "scrypt$1000$salt$8$1$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "pbkdf2_sha256$0$salt$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "pbkdf2_sha256$4000000000$salt$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "pbkdf2_md5$1000$salt$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "pbkdf2_sha256$1000$salt$",
        "$firebase-scrypt$m=40,r=8$AA$AA$AA$AA",
    ] {
        assert!(ForeignHash::parse(wrong).is_err(), "{wrong}");
    }
    assert!(ForeignHash::parse(&"$".repeat(100_000)).is_err());
}

proptest::proptest! {
    #[test]
    fn no_text_panics(text in "[$a-z0-9_=,./+-]{0,80}", which in 0_usize..HASHES.len(), cut in 0_usize..120) {
        if let Ok(hash) = ForeignHash::parse(&text) {
            let _ = format!("{hash:?}");
        }
        let (_, good) = HASHES[which];
        let _ = ForeignHash::parse(good.get(..cut).unwrap_or(good));
    }
}
