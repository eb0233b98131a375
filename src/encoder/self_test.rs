//! Reference vectors stored in a bundle, with which every device is checked before it is used.

use super::{Encoder, Machine};
use crate::{
    Result,
    bundle::{Bundle, SelfTest, SelfTestCase},
    text::Kind,
};

/// Largest difference allowed in a dimension. Working devices agree to 1e-5; broken kernels are off by more
/// than 1e-2.
const TOLERANCE: f32 = 1e-3;

/// Texts of several scripts and lengths, as kernels treat shapes differently.
const TEXTS: [(Kind, &str); 6] = [
    (Kind::Query, "Where do bees keep their honey?"),
    (Kind::Query, "ผึ้งเก็บน้ำผึ้งไว้ที่ไหน"),
    (Kind::Passage, "Ja."),
    (Kind::Passage, "تخزن النحل العسل في خلايا سداسية من الشمع، وتغلقها عندما ينضج."),
    (Kind::Passage, "Οι μέλισσες αποθηκεύουν το μέλι σε εξαγωνικά κελιά από κερί."),
    (
        Kind::Passage,
        "Bees keep honey in six-sided cells of wax. They fan it with their wings until most of its water \
         is gone, then close each cell with a lid. A strong colony needs some twenty kilograms to come \
         through a long winter, and in a good summer it gathers more than twice as much as it needs.",
    ),
];

impl SelfTest {
    /// The vectors that this bundle's weights give on the CPU in f32.
    ///
    /// # Errors
    /// Whatever prevents the bundle from encoding.
    pub fn of(bundle: &Bundle) -> Result<Self> {
        let encoder = Encoder::new(bundle, Machine::cpu())?;
        let cases = TEXTS
            .iter()
            .map(|&(kind, text)| {
                let vector = encoder.encode_all(&[text], kind, &mut |_, _| {})?;
                Ok(SelfTestCase { kind, text: text.into(), vector })
            })
            .collect::<Result<_>>()?;
        Ok(Self { tolerance: TOLERANCE, cases })
    }
}
