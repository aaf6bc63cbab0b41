//! The statements: what is understood, and what is said of the rest.

use firedrill_core::sql::{Name, Statement, is_finished, parse};

/// Database and table of each statement.
fn amended(text: &str) -> Vec<(String, String)> {
    let statements = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let names = statements.into_iter().map(|statement| match statement {
        Statement::FuseAmend { database, table } => (database.text, table.text),
    });
    names.collect()
}

#[test]
fn the_forms_that_databend_takes() {
    for text in [
        "CALL system$fuse_amend('default', 't')",
        "call SYSTEM$FUSE_AMEND ( 'default' , 't' ) ;",
        "CALL system$fuse_amend(default, t)",
        "CALL system$fuse_amend(`default`, \"t\")",
        "CALL /* which\none? */ system$fuse_amend('default', -- this one\n 't')",
        "\n;;CALL system$fuse_amend('default','t');;",
    ] {
        assert_eq!(amended(text), [("default".into(), "t".into())], "{text}");
    }
}

#[test]
fn names_are_what_stands_between_their_quotes() {
    for (written, meant) in [
        ("'a b'", "a b"),
        ("'it''s'", "it's"),
        (r"'it\'s'", "it's"),
        (r"'a\\b'", r"a\b"),
        ("''", ""),
        ("'-- no comment; /* none */'", "-- no comment; /* none */"),
        ("\"a\"\"b\"", "a\"b"),
        ("`a``b`", "a`b"),
        (r"`a\b`", r"a\b"),
        ("'表'", "表"),
        ("Orders_2$é", "Orders_2$é"),
        ("2026", "2026"),
    ] {
        let text = format!("CALL system$fuse_amend(d, {written})");
        assert_eq!(amended(&text), [("d".into(), meant.into())], "{text}");
    }
}

#[test]
fn several_statements_and_none() {
    let several = "CALL system$fuse_amend(a, b);\n-- and\nCALL system$fuse_amend(c, d)";
    assert_eq!(
        amended(several),
        [("a".into(), "b".into()), ("c".into(), "d".into())]
    );
    for nothing in ["", " \n", ";", "; ;", "-- nothing", "/* nothing */"] {
        assert_eq!(amended(nothing), [], "{nothing:?}");
    }
}

#[test]
fn a_name_keeps_its_place() {
    let text = "CALL system$fuse_amend(d,\n 'é t')";
    let statements = parse(text).expect("it is sound");
    let [Statement::FuseAmend { table, .. }] = &statements[..] else {
        panic!("{statements:?}");
    };
    let Name { at, .. } = table;
    assert_eq!(&text[at.clone()], "'é t'");
}

#[test]
fn an_error_says_what_stands_there_and_what_could() {
    for (text, message, at) in [
        ("CALL", "unexpected end, expecting `system$fuse_amend`", ""),
        (
            "DROP TABLE t",
            "unexpected `DROP`, expecting `CALL`",
            "DROP",
        ),
        (
            "CALL system$fuse_amend('d' 't')",
            "unexpected `'t'`, expecting `,`",
            "'t'",
        ),
        (
            "CALL system$fuse_amend(, 't')",
            "unexpected `,`, expecting the database's name",
            ",",
        ),
        (
            "CALL system$fuse_amend('d')",
            "unexpected `)`, expecting `,`",
            ")",
        ),
        (
            "CALL system$fuse_amend('d', 't'",
            "unexpected end, expecting `)`",
            "",
        ),
        (
            "CALL system$fuse_amend('d', 't') CALL",
            "unexpected `CALL`, expecting `;`",
            "CALL",
        ),
        (
            "CALL system$fuse_amends('d', 't')",
            "unexpected `system$fuse_amends`, expecting `system$fuse_amend`",
            "system$fuse_amends",
        ),
        (
            "CALL 'a\nb'",
            "unexpected `'a b'`, expecting `system$fuse_amend`",
            "'a\nb'",
        ),
        ("é", "unexpected `é`, expecting `CALL`", "é"),
        (
            "CALL 'a",
            "unexpected `'`, expecting `system$fuse_amend`",
            "'",
        ),
        (
            "CALL system$fuse_amend('d', 't);",
            "this string does not end",
            "'",
        ),
        (
            "CALL system$fuse_amend(`d, t);",
            "this name does not end",
            "`",
        ),
        ("/* CALL", "this comment does not end", "/*"),
        (
            r"CALL system$fuse_amend('a\nb', t)",
            r"unexpected `nb`, expecting `\` or `'` behind a backslash",
            "nb",
        ),
    ] {
        let error = parse(text).expect_err(text);
        assert_eq!(
            (error.message.as_str(), &text[error.at.clone()]),
            (message, at),
            "{text}"
        );
        if at.is_empty() {
            assert_eq!(error.at.start, text.len(), "{text}");
        }
    }
}

#[test]
fn an_error_in_the_last_statement_is_one_of_the_whole_text() {
    let text = "CALL system$fuse_amend(a, b); CALL nothing";
    let error = parse(text).expect_err("the second is none");
    assert_eq!(error.at, text.len() - 7..text.len());
}

#[test]
fn who_types_goes_on_until_the_semicolon() {
    for finished in [
        "CALL x;",
        "CALL x; -- done",
        ";",
        r"CALL system$fuse_amend('a\n",
    ] {
        assert!(is_finished(finished), "{finished}");
    }
    for unfinished in [
        "",
        "CALL x",
        "CALL x -- ;",
        "CALL 'x;",
        "CALL `;",
        "/* ;",
        "CALL x; CALL y",
        "';'",
    ] {
        assert!(!is_finished(unfinished), "{unfinished}");
    }
}

proptest::proptest! {
    #[test]
    fn no_text_breaks_it(text in r#"(CALL|call|system\$fuse_amend|[(),;'"`\\ é\n*/-]|a){0,12}"#) {
        if let Err(error) = parse(&text) {
            proptest::prop_assert!(text.get(error.at).is_some());
        }
        is_finished(&text);
    }
}
