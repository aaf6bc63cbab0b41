//! A document: any bytes.
//!
//! Promises:
//! - no panic, however deep; memory of a MiB and the square of the input: members may share names and text;
//! - what validates renders, unless it holds raw bytes, which no JSON has, or something that is not supported;
//! - what renders is JSON by another crate's reading.
#![no_main]

use firedrill_core::voron::blittable::Blittable;
use firedrill_core::voron::json;
use firedrill_core::voron::unreadable::Unreadable;
use firedrill_fuzz::{is_json, memory};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let bound = (1 << 20) + bytes.len() * bytes.len();
    memory::within(bound, || read(bytes));
});

fn read(bytes: &[u8]) {
    let Ok(document) = Blittable::validate(bytes) else {
        return;
    };
    let mut text = Vec::new();
    match json::write(&document, &mut text) {
        Ok(()) => assert!(is_json(&text), "{}", String::from_utf8_lossy(&text)),
        Err(Unreadable::Unsupported(_)) => {}
        Err(damaged) => panic!("it was valid, and {damaged}"),
    }
    if let Some(root) = document.object() {
        root.text("@id");
        root.object("@metadata")
            .map(|metadata| metadata.text("@collection"));
        let order = root.written_order().expect("it was valid");
        assert_eq!(order.len(), root.count());
    }
}
