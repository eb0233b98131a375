//! The test oracle: runs a program one text at a time in f64 with plain loops. Also makes small models with
//! random weights.

use std::f64::consts::PI;

use crate::{
    architecture::{
        Activation, Config, Decoder, Dense, Family, Pooling, Rotary,
        program::{Attention, Buffer, Linear, NormKind, Op, ParamId, ParamRole, Program, Rotate},
    },
    bundle::{Array, Weights},
};

/// Pseudo-random numbers from -1 to 1.
pub struct Noise(pub u64);

impl Noise {
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }

    pub fn take(&mut self, n: usize) -> Vec<f32> {
        (0..n).map(|_| self.next()).collect()
    }
}

pub const ACTIVATIONS: [Activation; 6] = [
    Activation::Gelu,
    Activation::GeluTanh,
    Activation::Relu,
    Activation::Tanh,
    Activation::Identity,
    Activation::Silu,
];

/// Lengths of the texts of a batch; the longest is as long as [`config`] allows.
pub const LENGTHS: [usize; 7] = [5, 1, 68, 17, 2, 33, 9];

/// A model of two blocks.
pub fn config(hidden: usize, heads: usize, intermediate: usize) -> Config {
    Config {
        family: Family::Bert,
        vocabulary: 40,
        hidden,
        layers: 2,
        heads,
        intermediate,
        positions: 70,
        first_position: 2,
        layer_norm_epsilon: 1e-5,
        activation: Activation::Gelu,
        max_tokens: 68,
        pooling: Pooling::Mean,
        dense: Vec::new(),
        normalize: true,
        rotary: None,
        decoder: None,
        truncate: None,
        dropped: None,
    }
}

/// A ModernBERT of three blocks, whose second one attends to a window.
pub fn modern(hidden: usize, heads: usize, intermediate: usize) -> Config {
    let rotary = Rotary { theta: 500.0, global_every: 2, local_theta: 40.0, window: 5 };
    Config {
        family: Family::ModernBert,
        layers: 3,
        positions: 68,
        first_position: 0,
        rotary: Some(rotary),
        ..config(hidden, heads, intermediate)
    }
}

/// An MPNet of two blocks.
pub fn mpnet(hidden: usize, heads: usize, intermediate: usize) -> Config {
    Config { family: Family::MpNet, ..config(hidden, heads, intermediate) }
}

/// A decoder of three blocks, with heads of a width of their own, each key for so many queries; its second block
/// attends to a window.
pub fn llama(hidden: usize, [kv_heads, shared, head_width]: [usize; 3], intermediate: usize) -> Config {
    let decoder = Decoder {
        kv_heads,
        head_width,
        scaling: head_width,
        causal: true,
        theta: 500.0,
        local: vec![false, true, false],
        local_theta: None,
        window: 5,
        qkv_bias: false,
        output_bias: false,
        inner_bias: false,
    };
    Config {
        family: Family::Llama,
        layers: 3,
        positions: 68,
        first_position: 0,
        activation: Activation::Silu,
        pooling: Pooling::Last,
        decoder: Some(decoder),
        ..config(hidden, kv_heads * shared, intermediate)
    }
}

/// A Gemma of three blocks, of which the first and the last attend to a window on both sides.
pub fn gemma(hidden: usize, heads: [usize; 3], intermediate: usize) -> Config {
    let mut config = llama(hidden, heads, intermediate);
    if let Some(decoder) = config.decoder.as_mut() {
        (decoder.causal, decoder.scaling, decoder.local_theta) = (false, 11, Some(40.0));
        decoder.local = vec![true, false, true];
    }
    Config { family: Family::Gemma3, activation: Activation::GeluTanh, pooling: Pooling::Mean, ..config }
}

/// Static embeddings.
pub fn table(hidden: usize, normalize: bool) -> Config {
    let none = Config { layers: 0, heads: 0, intermediate: 0, positions: 0, ..config(hidden, 1, 1) };
    Config { family: Family::Static, first_position: 0, normalize, ..none }
}

/// The same with a dense layer for each of up to two activations; the second one's input is scaled to length
/// 1.
pub fn with_dense(mut config: Config, activations: &[Activation]) -> Config {
    let widths = [config.hidden, 2 * config.hidden + 4, 7];
    let dense = |(i, &activation): (usize, &Activation)| Dense {
        input: widths[i],
        output: widths[i + 1],
        activation,
        normalized: i == 1,
    };
    config.dense = activations.iter().enumerate().map(dense).collect();
    config
}

/// Random weights for all parameters.
pub fn weights(program: &Program, seed: u64) -> Weights {
    let (mut noise, mut out) = (Noise(seed), Weights::default());
    for param in program.params() {
        let mut shape = param.shape();
        let (centre, spread) = match param.role {
            ParamRole::Table | ParamRole::Position => (0.0, 0.5),
            ParamRole::RelativeBias => (0.0, 2.0),
            ParamRole::Segment => {
                shape[0] = 2;
                (0.0, 0.5)
            }
            ParamRole::NormGain => (centre(program, &param.name), 0.3),
            ParamRole::NormBias | ParamRole::Bias(_) => (0.0, 0.3),
            ParamRole::Weight(_) => (0.0, 2.0 / (param.axes[1].size() as f32).sqrt()),
        };
        let values = noise.take(shape.iter().product()).into_iter().map(|x| centre + spread * x);
        out.insert(&param.name, Array::f32(shape, values.collect()));
    }
    out
}

/// Around which values a norm's parameter lies.
fn centre(program: &Program, name: &str) -> f32 {
    let is = |id: ParamId| program.param(id).name == name;
    let kind = program.steps().iter().find_map(|step| match &step.op {
        Op::Norm(op) if is(op.gain) => Some(op.kind),
        Op::NormHeads(op) if op.gains.into_iter().any(is) => Some(op.kind),
        _ => None,
    });
    1.0 - kind.map_or(0.0, NormKind::gain_offset)
}

/// Random embedding rows for texts of these lengths.
pub fn words(program: &Program, lengths: &[usize], seed: u64) -> Vec<f32> {
    Noise(seed).take(lengths.iter().sum::<usize>() * program.width())
}

/// Vectors of the texts whose rows follow one after the other in `words`.
pub fn vectors(program: &Program, weights: &Weights, words: &[f32], lengths: &[usize]) -> Vec<f64> {
    let oracle = Oracle { program, weights };
    let mut rest = words;
    let mut out = Vec::new();
    for length in lengths {
        let own;
        (own, rest) = rest.split_at(length * program.width());
        out.extend(oracle.vector(own));
    }
    assert!(rest.is_empty());
    out
}

/// Runs one text and shows all buffers after each step.
pub fn traced(program: &Program, weights: &Weights, words: &[f32], mut see: impl FnMut(&[Vec<f64>])) {
    Oracle { program, weights }.run(words, &mut see);
}

type OracleRows = Vec<Vec<f64>>;

struct Oracle<'a> {
    program: &'a Program,
    weights: &'a Weights,
}

impl Oracle<'_> {
    fn vector(&self, words: &[f32]) -> Vec<f64> {
        self.run(words, &mut |_| ())
    }

    fn run(&self, words: &[f32], see: &mut dyn FnMut(&[Vec<f64>])) -> Vec<f64> {
        let mut at: [OracleRows; Buffer::COUNT] = Default::default();
        at[Buffer::Hidden as usize] = words.chunks(self.program.width()).map(wide).collect();
        for step in self.program.steps() {
            match &step.op {
                Op::AddPositions(op) => {
                    let width = self.program.width();
                    let positions = self.get(op.table);
                    let segment = op.segments.map_or_else(Vec::new, |id| self.get(id));
                    for (place, row) in at[op.to as usize].iter_mut().enumerate() {
                        for (i, x) in row.iter_mut().enumerate() {
                            *x += positions[(op.first + place) * width + i] + segment.get(i).unwrap_or(&0.0);
                        }
                    }
                }
                Op::Norm(op) => {
                    let gain = self.get(op.gain);
                    let bias = op.bias.map_or_else(|| vec![0.0; op.width], |id| self.get(id));
                    let norm = |x: &Vec<f64>| {
                        let normed = normed(op.kind, op.epsilon, &gain, x);
                        normed.iter().zip(&bias).map(|(x, bias)| x + bias).collect()
                    };
                    at[op.to as usize] = at[op.from as usize].iter().map(norm).collect();
                }
                Op::NormHeads(op) => {
                    let gains = op.gains.map(|id| self.get(id));
                    for row in &mut at[op.to as usize] {
                        let heads = row.chunks_mut(op.head_width).take(op.heads + op.kv_heads);
                        for (i, head) in heads.enumerate() {
                            let gain = &gains[usize::from(i >= op.heads)];
                            head.copy_from_slice(&normed(op.kind, op.epsilon, gain, head));
                        }
                    }
                }
                Op::Scale(op) => {
                    at[op.to as usize].iter_mut().flatten().for_each(|x| *x *= f64::from(op.by));
                }
                Op::Add(op) => at[op.to as usize] = added(&at[op.to as usize], &at[op.from as usize]),
                Op::Project(op) => {
                    let y = activated(op.activation, self.linear(&op.linear, &at[op.from as usize]));
                    at[op.to as usize] = if op.residual { added(&at[op.to as usize], &y) } else { y };
                }
                Op::FeedForward(op) => {
                    let units = activated(op.activation, self.linear(&op.up, &at[op.from as usize]));
                    at[op.to as usize] = added(&at[op.to as usize], &self.linear(&op.down, &units));
                }
                Op::Gate(op) => {
                    let gated = |row: &Vec<f64>| {
                        let (a, b) = row.split_at(op.width);
                        a.iter().zip(b).map(|(a, b)| activate(op.activation, *a) * b).collect()
                    };
                    at[op.to as usize] = at[op.from as usize].iter().map(gated).collect();
                }
                Op::Rotate(op) => {
                    at[op.to as usize].iter_mut().enumerate().for_each(|(p, row)| rotate(op, p, row));
                }
                Op::Attend(op) => {
                    let shifts = op.relative.map(|relative| self.get(relative.table));
                    at[op.to as usize] = attended(op, shifts.as_deref(), &at[op.from as usize]);
                }
                Op::Pool(op) => {
                    let x = &at[op.from as usize];
                    let column = |i: usize| x.iter().map(move |row| row[i]);
                    let pooled = |i: usize| match op.pooling {
                        Pooling::Cls => x[0][i],
                        Pooling::Mean => column(i).sum::<f64>() / x.len() as f64,
                        Pooling::Last => x[x.len() - 1][i],
                        Pooling::MeanSqrtLength => column(i).sum::<f64>() / (x.len() as f64).sqrt(),
                        Pooling::WeightedMean => {
                            let weights = (1..=x.len()).map(|n| n as f64);
                            let sum: f64 = weights.clone().sum();
                            column(i).zip(weights).map(|(x, weight)| x * weight).sum::<f64>() / sum
                        }
                        Pooling::Max => column(i).fold(f64::NEG_INFINITY, f64::max),
                    };
                    at[op.to as usize] = vec![(0..op.width).map(pooled).collect()];
                }
                Op::Normalize(op) => {
                    for row in &mut at[op.to as usize] {
                        let length = dot(row, row).sqrt();
                        row.iter_mut().for_each(|x| *x /= length);
                    }
                }
            }
            at.iter().for_each(|rows| see(rows));
        }
        at[self.program.output() as usize].concat()
    }

    /// A parameter's values; empty where the model lacks it.
    fn get(&self, id: ParamId) -> Vec<f64> {
        self.weights.get(&self.program.param(id).name).map_or_else(Vec::new, |array| wide(&array.to_f32()))
    }

    fn linear(&self, linear: &Linear, x: &OracleRows) -> OracleRows {
        let mut out: OracleRows = vec![Vec::new(); x.len()];
        for part in &linear.parts {
            let weight = self.get(part.weight);
            let bias = part.bias.map(|id| self.get(id));
            for (x, out) in x.iter().zip(&mut out) {
                for (i, row) in weight.chunks(linear.input).enumerate() {
                    out.push(dot(row, x) + bias.as_ref().map_or(0.0, |bias| bias[i]));
                }
            }
        }
        out
    }
}

fn normed(kind: NormKind, epsilon: f64, gain: &[f64], x: &[f64]) -> Vec<f64> {
    let n = x.len() as f64;
    let mean = if kind.is_centred() { x.iter().sum::<f64>() / n } else { 0.0 };
    let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
    let by = (variance + epsilon).sqrt();
    x.iter().zip(gain).map(|(x, gain)| (x - mean) / by * (gain + f64::from(kind.gain_offset()))).collect()
}

fn rotate(op: &Rotate, position: usize, row: &mut [f64]) {
    let (width, half) = (op.head_width, op.head_width / 2);
    for head in row.chunks_mut(width).take(op.heads + op.kv_heads) {
        for i in 0..half {
            let angle = position as f64 * op.theta.powf(-2.0 * i as f64 / width as f64);
            let (a, b) = (head[i], head[i + half]);
            head[i] = a * angle.cos() - b * angle.sin();
            head[i + half] = b * angle.cos() + a * angle.sin();
        }
    }
}

/// The bucket of a distance among MPNet's 32, by its definition with logarithms.
fn bucket(query: usize, key: usize) -> usize {
    let distance = query.abs_diff(key) as f64;
    let within = match distance < 8.0 {
        true => distance,
        // Moved by less than any distance's logarithm is off a whole number without being one.
        false => (8.0 + (distance / 8.0).ln() / 16f64.ln() * 8.0 + 1e-9).floor().min(15.0),
    };
    within as usize + if key > query { 16 } else { 0 }
}

fn attended(op: &Attention, shifts: Option<&[f64]>, qkv: &OracleRows) -> OracleRows {
    let sees = |token: usize, other: usize| {
        let [back, ahead] = op.mask.reach();
        back.is_none_or(|back| token <= other + back) && ahead.is_none_or(|ahead| other <= token + ahead)
    };
    let part = |row: &[f64], which: usize, head: usize| -> Vec<f64> {
        let shared = head * op.kv_heads / op.heads;
        let place = [head, op.heads + shared, op.heads + op.kv_heads + shared][which];
        row[place * op.head_width..][..op.head_width].to_vec()
    };
    let of = |(token, row): (usize, &Vec<f64>)| {
        let mut out = Vec::new();
        for head in 0..op.heads {
            let query = part(row, 0, head);
            let score = |other: &Vec<f64>| dot(&query, &part(other, 1, head)) / (op.scaling as f64).sqrt();
            let shift = |other| shifts.map_or(0.0, |table| table[bucket(token, other) * op.heads + head]);
            let masked = |(other, x)| match sees(token, other) {
                true => score(x) + shift(other),
                false => f64::NEG_INFINITY,
            };
            let scores: Vec<f64> = qkv.iter().enumerate().map(masked).collect();
            let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let shares: Vec<f64> = scores.iter().map(|s| (s - most).exp()).collect();
            let sum: f64 = shares.iter().sum();
            for i in 0..op.head_width {
                out.push(shares.iter().zip(qkv).map(|(s, row)| s / sum * part(row, 2, head)[i]).sum());
            }
        }
        out
    };
    qkv.iter().enumerate().map(of).collect()
}

fn wide(x: &[f32]) -> Vec<f64> {
    x.iter().map(|&x| f64::from(x)).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn added(x: &OracleRows, y: &OracleRows) -> OracleRows {
    x.iter().zip(y).map(|(x, y)| x.iter().zip(y).map(|(x, y)| x + y).collect()).collect()
}

fn activated(kind: Activation, mut x: OracleRows) -> OracleRows {
    x.iter_mut().flatten().for_each(|x| *x = activate(kind, *x));
    x
}

/// One number's activation.
pub fn activate(kind: Activation, x: f64) -> f64 {
    match kind {
        Activation::Gelu => x * 0.5 * (1.0 + erf(x / 2f64.sqrt())),
        Activation::GeluTanh => x * 0.5 * (1.0 + ((2.0 / PI).sqrt() * (x + 0.044715 * x.powi(3))).tanh()),
        Activation::Silu => x / (1.0 + (-x).exp()),
        Activation::Relu => x.max(0.0),
        Activation::Tanh => x.tanh(),
        Activation::Identity => x,
    }
}

/// erf by its Taylor series; from 2 on, where that loses digits, by Laplace's continued fraction.
pub fn erf(x: f64) -> f64 {
    if x.abs() >= 2.0 {
        let size = x.abs();
        let fraction = (1..200).rev().fold(size, |rest, k| size + f64::from(k) / 2.0 / rest);
        return x.signum() * (1.0 - (-x * x).exp() / PI.sqrt() / fraction);
    }
    let (mut term, mut sum, mut n) = (x, x, 0.0);
    while term.abs() > 1e-18 * sum.abs() {
        n += 1.0;
        term *= -x * x / n;
        sum += term / (2.0 * n + 1.0);
    }
    sum * 2.0 / PI.sqrt()
}

/// Compared with Python's `math.erf`.
#[test]
fn the_oracles_erf_is_right() {
    for (x, y) in [
        (0.5, 0.520_499_877_813_046_5),
        (1.0, 0.842_700_792_949_714_9),
        (1.999_999, 0.995_322_244_351_926_1),
        (2.0, 0.995_322_265_018_952_7),
        (-3.0, -0.999_977_909_503_001_4),
    ] {
        assert!((erf(x) - y).abs() < 1e-13, "{x}: {}", erf(x));
    }
}
