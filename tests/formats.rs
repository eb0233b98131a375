//! A stored bundle of the first format must load forever and give the same vectors.
//!
//! It was made by `tests/reference/format_1.py`, without any code of this program; its vectors are computed
//! in f64.

mod common;

use common::{reference, worst};
use futures_lite::future::block_on;
use interlingua::{
    bundle::{Bundle, Quantization},
    encoder::{Backend, Encoder, EncoderDevice, Precision},
    sha256,
};

/// The files, which must never change.
const HASHES: [(&str, &str); 3] = [
    ("manifest.json", "fdc9db3ecd6d60c8b4b74718066a50ec67dd2c23513015996b65f3515dc879b8"),
    ("model.safetensors", "2e21f242c59eb738b01e6c41f0220f2554e22a55c919a3a716ba1251e3951c71"),
    ("tokenizer.json", "5c0827e87d0e81f0b5a1c7f7f3a26827c36650ff3174fe7910c686c091f1e15f"),
];

fn first() -> Bundle {
    common::open(&reference("format-1"))
}

#[test]
fn the_stored_files_are_untouched() {
    for (file, hash) in HASHES {
        let bytes = std::fs::read(reference("format-1").join(file)).expect("the file is there");
        assert_eq!(sha256(&bytes), hash, "{file}: this bundle is never written again");
    }
}

#[test]
fn a_bundle_of_the_first_format_has_its_vectors() {
    let bundle = first();
    assert_eq!((bundle.manifest.format, bundle.manifest.quantization), (1, Quantization::Q4));
    let cases = &bundle.manifest.self_test.cases;
    assert_eq!(cases.len(), 6);
    for (machine, tolerance) in [(EncoderDevice::cpu(), 1e-6), (EncoderDevice::flex(), 1e-5)] {
        let encoder = Encoder::new(&bundle, machine).expect("it fits together");
        for case in cases {
            let got = encoder.encode_all(&[&case.text], case.kind, &mut |_, _| {}).expect("it encodes");
            let difference = worst(&got, &case.vector);
            assert!(difference < tolerance, "{} on {}: {difference}", case.text, encoder.device_label());
        }
    }
    let fast =
        Encoder::with_precision(&bundle, EncoderDevice::cpu(), Precision::Packed).expect("it fits together");
    assert_eq!(fast.machine().backend, Backend::Cpu);
    block_on(fast.self_test(&bundle.manifest.self_test)).expect("integers pass the self-test, too");
}

#[test]
fn written_again_it_is_still_of_the_first_format() {
    let mut bundle = first();
    let folder = tempfile::tempdir().expect("a folder");
    bundle.write(folder.path()).expect("it is written");
    let again = common::open(folder.path());
    assert_eq!(again.manifest.format, 1);
    assert_eq!(again.manifest.self_test, first().manifest.self_test);
    assert_eq!(again.fingerprint().expect("it is whole"), first().fingerprint().expect("it is whole"));
}
