//! Reference vectors stored in a bundle, with which every device is checked before it is used.

use super::{Encoder, EncoderDevice};
use crate::{
    Error, Result,
    bundle::{Bundle, SelfTest, SelfTestCase},
    text::Kind,
};

/// Largest difference allowed in a dimension. Working devices agree to 1e-5; broken kernels are off by more
/// than 1e-2.
const TOLERANCE: f32 = 1e-3;

/// Texts of several scripts and lengths, as kernels treat shapes differently.
const TEXTS: [(Kind, &str); 9] = [
    (Kind::Query, "Where do bees keep their honey?"),
    (Kind::Query, "ผึ้งเก็บน้ำผึ้งไว้ที่ไหน"),
    (Kind::Query, "蜜蜂把蜂蜜存在哪里？"),
    (Kind::Passage, "Ja."),
    (Kind::Passage, "मधुमक्खियाँ अपना शहद मोम के छत्तों में रखती हैं।"),
    (Kind::Passage, "Пчёлы хранят мёд в сотах из воска."),
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
    /// Whatever prevents the bundle from encoding; [`Error::Format`] where its vectors are not numbers.
    pub async fn made(bundle: &Bundle) -> Result<Self> {
        let encoder = Encoder::new(bundle, EncoderDevice::cpu())?;
        let mut cases = Vec::with_capacity(TEXTS.len());
        for (kind, text) in TEXTS {
            let vector = encoder.encode(&[text], kind, async |_, _| Ok(())).await?;
            if !vector.iter().all(|x| x.is_finite()) {
                return Err(Error::format(
                    &bundle.manifest.name,
                    "its vectors are not numbers: the weights are damaged, or too large for how they were stored; get \
                     them again, or store them in more bits",
                ));
            }
            cases.push(SelfTestCase { kind, text: text.into(), vector });
        }
        Ok(Self { tolerance: TOLERANCE, cases })
    }

    /// [`made`](Self::made) for programs that may block.
    ///
    /// # Errors
    /// As [`made`](Self::made).
    #[cfg(feature = "native")]
    pub fn of(bundle: &Bundle) -> Result<Self> {
        futures_lite::future::block_on(Self::made(bundle))
    }
}
