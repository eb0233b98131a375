//! The claims of arXiv 2408.10536 about hybrid batches, and whether a study's figures support them.
//!
//! A difference is judged by its [`wide`](super::Contrast::wide) interval: the bootstrap interval over
//! questions, widened to include the difference of every seed. So a claim holds only if other questions
//! and other seeds would agree.

use serde::{Deserialize, Serialize};

use super::{Figure, Findings, paper, summary::Contrast};

/// Whether figures support a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// They support it.
    #[serde(rename = "holds")]
    Holds,
    /// They contradict it.
    #[serde(rename = "does not hold")]
    DoesNotHold,
    /// They cannot decide.
    #[serde(rename = "within the interval")]
    Within,
}

impl Verdict {
    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::DoesNotHold => "does not hold",
            Self::Within => "within the interval",
        }
    }
}

/// A claim of the paper with a verdict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Claim {
    /// The claim.
    pub claim: String,
    /// Whether it holds here.
    pub verdict: Verdict,
    /// The figures behind the verdict.
    pub because: String,
}

/// How far below X-Y still counts as level, relative to its figure (our bound: the paper gives none; its
/// own differences are −0.1 to +0.9 %).
pub const LEVEL: f64 = 0.02;

/// The claims that a study's arms can test.
pub(super) fn of(findings: &Findings) -> Vec<Claim> {
    let contrast = |alpha, figure| findings.contrast(alpha, figure);
    let both = |figure| Some([contrast(1.0, figure)?, contrast(0.0, figure)?]);
    let best = |figure: Figure, setting: &str| {
        let both = both(figure)?;
        let verdict = if both.iter().all(|c| c.wide[0] > 0.0) {
            Verdict::Holds
        } else if both.iter().any(|c| c.wide[1] < 0.0) {
            Verdict::DoesNotHold
        } else {
            Verdict::Within
        };
        let because = both.map(described).join("; ");
        Some(Claim { claim: format!("hybrid batches are best in {setting}"), verdict, because })
    };
    let level = || {
        let c = contrast(0.0, Figure::MultiMap)?;
        let margin = LEVEL * c.difference.a;
        let verdict = match c.wide {
            [low, _] if low > -margin => Verdict::Holds,
            [_, high] if high < -margin => Verdict::DoesNotHold,
            _ => Verdict::Within,
        };
        let claim = "hybrid batches are level with cross-lingual ones in multi (or above)".to_string();
        Some(Claim { claim, verdict, because: format!("{}; level is above −{margin:.4}", described(c)) })
    };
    let lowered = || {
        let c = contrast(1.0, Figure::RankDistance)?;
        let [least, most] = [c.wide[1], c.wide[0]].map(|d| -d / c.difference.a);
        let by = -c.difference.difference / c.difference.a;
        let [low, high] = paper::LOWERED;
        let verdict = if least >= low && most <= high {
            Verdict::Holds
        } else if most < low || least > high {
            Verdict::DoesNotHold
        } else {
            Verdict::Within
        };
        let claim = format!(
            "hybrid batches lower the rank distance by {:.0} to {:.0} % against monolingual ones",
            low * 100.0,
            high * 100.0
        );
        let because = format!(
            "{}: lowered by {:.1} % [{:.1} {:.1}]",
            described(c),
            by * 100.0,
            least * 100.0,
            most * 100.0
        );
        Some(Claim { claim, verdict, because })
    };
    [best(Figure::MonoMap, "mono"), best(Figure::CrossMap, "cross"), level(), lowered()]
        .into_iter()
        .flatten()
        .collect()
}

/// A contrast in words.
fn described(c: &Contrast) -> String {
    let show = |value: f64| signed(c.figure, value);
    format!(
        "{} − {}: {} [{} {}]",
        c.hybrid,
        c.other,
        show(c.difference.difference),
        show(c.wide[0]),
        show(c.wide[1])
    )
}

/// A difference with its sign, which is the typographer's minus.
pub(super) fn signed(figure: Figure, value: f64) -> String {
    let sign = if value < 0.0 { "−" } else { "+" };
    format!("{sign}{}", figure.show(value.abs()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::summary::tests::findings;

    fn verdicts(arms: &[(f64, usize, usize)]) -> Vec<Verdict> {
        findings(arms).claims.iter().map(|claim| claim.verdict).collect()
    }

    #[test]
    fn figures_decide() {
        use Verdict::*;
        // Hybrid is best everywhere, and its distances are far smaller than in the paper.
        assert_eq!(verdicts(&[(1.0, 3, 40), (0.5, 0, 2), (0.0, 2, 2)]), [Holds, Holds, Holds, DoesNotHold]);
        // Hybrid is worst everywhere.
        let worst = verdicts(&[(1.0, 0, 1), (0.5, 6, 30), (0.0, 0, 1)]);
        assert_eq!(worst, [DoesNotHold; 4]);
        // All equal: level in multi, everything else undecided; distances are not lower.
        let same = verdicts(&[(1.0, 1, 9), (0.5, 1, 9), (0.0, 1, 9)]);
        assert_eq!(same, [Within, Within, Holds, DoesNotHold]);
        // Between the two in mono and cross: not best.
        let between = verdicts(&[(1.0, 0, 9), (0.5, 2, 7), (0.0, 5, 5)]);
        assert_eq!(between[..2], [DoesNotHold, DoesNotHold]);
    }

    #[test]
    fn the_papers_range_of_distances() {
        // Mean distances are some 2 + gap; 40 to 31 is a fifth less.
        let all = findings(&[(1.0, 1, 38), (0.5, 1, 30), (0.0, 1, 30)]).claims;
        assert_eq!(all[3].verdict, Verdict::Holds, "{}", all[3].because);
        assert!(all[3].because.contains("lowered by"), "{}", all[3].because);
    }

    #[test]
    fn an_arm_that_is_missing_takes_its_claims_along() {
        let all = findings(&[(0.5, 1, 9), (0.0, 1, 9)]).claims;
        assert_eq!(all.len(), 1);
        assert!(all[0].claim.contains("level"));
    }
}
