//! A model as a program: steps over named buffers, and the parameters that they use.
//!
//! An architecture turns a [`Config`](super::Config) into a [`Program`]; devices run programs and know no
//! architectures. A step is as coarse as a fused kernel, and is described by data. Devices match on its enums
//! exhaustively, so a new variant does not compile until every device runs or refuses it.
//! [`ProgramBuilder::finish`] refuses what no device supports yet.

use super::{Activation, Pooling};
use crate::{Error, Result};

/// Where a step or parameter belongs, in the order in which a text passes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Before the blocks: the embeddings.
    Before,
    /// In this block, counted from 0.
    Block(usize),
    /// After the blocks: from token vectors to a text vector.
    After,
}

/// Index of a parameter in [`Program::params`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParamId(usize);

/// One tensor of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParamSpec {
    /// Its name in Hugging Face checkpoints and in bundles.
    pub name: String,
    /// What it is for.
    pub role: ParamRole,
    /// What its dimensions count.
    pub axes: Vec<Axis>,
    /// Where it is used.
    pub place: Place,
    /// Whether a checkpoint may lack it.
    pub optional: bool,
}

/// What a parameter is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParamRole {
    /// The word embedding table. It stays in memory; no device holds all of it.
    Table,
    /// The position embeddings.
    Position,
    /// The segment (token type) embeddings, of which only the first is used.
    Segment,
    /// What attention scores are shifted by, for each bucket of distances and each head.
    RelativeBias,
    /// A norm's gain.
    NormGain,
    /// A norm's bias.
    NormBias,
    /// The matrix of a linear layer, `[output, input]`.
    Weight(Layer),
    /// The bias of a linear layer.
    Bias(Layer),
}

/// Which linear layer a parameter belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// The query projection.
    Query,
    /// The key projection.
    Key,
    /// The value projection.
    Value,
    /// All three in one matrix: queries, then keys, then values.
    Qkv,
    /// Attention's output projection.
    Output,
    /// The gate of a gated feed-forward layer, where it has a matrix of its own.
    Gate,
    /// The feed-forward layer's first matrix.
    Up,
    /// The feed-forward layer's second matrix.
    Down,
    /// A dense layer after pooling.
    Dense,
}

/// What a dimension counts, and its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axis {
    /// Tokens of the vocabulary.
    Vocabulary(usize),
    /// Positions in a text.
    Position(usize),
    /// Buckets of distances between two tokens.
    Bucket(usize),
    /// Attention heads.
    HeadCount(usize),
    /// Segments (token types): one or more.
    Segment,
    /// Width of a token's hidden state.
    Width(usize),
    /// Width of all of a block's attention heads together.
    Heads(usize),
    /// Width of one attention head.
    Head(usize),
    /// Inner units of a block's feed-forward layer.
    Inner(usize),
    /// Width of a text vector after a dense layer.
    Vector(usize),
}

impl Axis {
    /// Its size; the minimum where it may vary.
    pub fn size(self) -> usize {
        match self {
            Self::Segment => 1,
            Self::Vocabulary(n)
            | Self::Position(n)
            | Self::Bucket(n)
            | Self::HeadCount(n)
            | Self::Width(n)
            | Self::Heads(n)
            | Self::Head(n)
            | Self::Inner(n)
            | Self::Vector(n) => n,
        }
    }
}

impl ParamSpec {
    /// Its shape; the minimum where an axis may vary.
    pub fn shape(&self) -> Vec<usize> {
        self.axes.iter().map(|axis| axis.size()).collect()
    }

    /// Whether an array of this shape can hold it.
    pub fn fits(&self, shape: &[usize]) -> bool {
        let fits = |(axis, &n): (&Axis, &usize)| match axis {
            Axis::Segment => n >= 1,
            sized => n == sized.size(),
        };
        shape.len() == self.axes.len() && self.axes.iter().zip(shape).all(fits)
    }
}

/// Memory that steps read and write. Its rows are as wide as what was written last; devices allocate for the
/// widest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Buffer {
    /// A row for each token: its embedding at first, then its hidden state.
    Hidden,
    /// A row for each token: queries, keys and values, or the units of the feed-forward layer.
    Wide,
    /// A row for each token: its context vector, the output of attention; or the gated units of a feed-forward
    /// layer.
    Context,
    /// A row for each token: its normalized hidden state, where the hidden state itself goes on beside it (pre-norm).
    Normed,
    /// A row for each text.
    Vector,
    /// A row for each text: dense layers alternate between this and [`Buffer::Vector`].
    Projected,
}

impl Buffer {
    /// All buffers, each at the index of its discriminant.
    pub const ALL: [Self; Self::COUNT] =
        [Self::Hidden, Self::Wide, Self::Context, Self::Normed, Self::Vector, Self::Projected];
    /// How many there are.
    pub const COUNT: usize = 6;

    /// What a row stands for.
    pub fn rows(self) -> Rows {
        match self {
            Self::Hidden | Self::Wide | Self::Context | Self::Normed => Rows::Tokens,
            Self::Vector | Self::Projected => Rows::Texts,
        }
    }
}

/// What rows stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// The tokens of all texts of a batch, one after the other.
    Tokens,
    /// Texts.
    Texts,
}

impl Rows {
    /// Number of rows in a batch of this many tokens and texts.
    pub fn count(self, tokens: usize, texts: usize) -> usize {
        match self {
            Self::Tokens => tokens,
            Self::Texts => texts,
        }
    }
}

/// One step and the place it belongs to.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Where it belongs.
    pub place: Place,
    /// What it does.
    pub op: Op,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq)]
pub enum Op {
    /// Adds position embeddings.
    AddPositions(AddPositions),
    /// Multiplies rows by a number.
    Scale(Scale),
    /// Normalizes rows.
    Norm(Norm),
    /// Normalizes each head's queries and keys.
    NormHeads(NormHeads),
    /// Adds rows to rows.
    Add(Add),
    /// Applies a linear layer.
    Project(Projection),
    /// Adds the output of a feed-forward layer.
    FeedForward(FeedForward),
    /// Multiplies one half of each row by the other.
    Gate(Gate),
    /// Rotates queries and keys by their positions.
    Rotate(Rotate),
    /// Lets the tokens of each text attend to each other.
    Attend(Attention),
    /// Pools each text's tokens into one row.
    Pool(PoolTokens),
    /// Scales rows to length 1.
    Normalize(Normalize),
}

/// Adds position embeddings to the rows of `to`; a text's positions are counted from `first`.
#[derive(Debug, Clone, PartialEq)]
pub struct AddPositions {
    /// The rows that they are added to.
    pub to: Buffer,
    /// The position embeddings.
    pub table: ParamId,
    /// Segment embeddings; the first row, if the checkpoint has any, is added to every token.
    pub segments: Option<ParamId>,
    /// Position of a text's first token.
    pub first: usize,
    /// The padding token: it is not counted within a text, and has the position before the first.
    pub padding: Option<u32>,
}

/// Multiplies rows by a number, in place.
#[derive(Debug, Clone, PartialEq)]
pub struct Scale {
    /// The rows.
    pub to: Buffer,
    /// The number.
    pub by: f32,
    /// Width of a row.
    pub width: usize,
}

/// Adds the rows of one buffer to those of another.
#[derive(Debug, Clone, PartialEq)]
pub struct Add {
    /// What is added.
    pub from: Buffer,
    /// What it is added to.
    pub to: Buffer,
    /// Width of a row.
    pub width: usize,
}

/// `gain · (x - mean) / √(variance + epsilon) + bias`, row by row; [`NormKind`] says which parts there are.
#[derive(Debug, Clone, PartialEq)]
pub struct Norm {
    /// Input.
    pub from: Buffer,
    /// Output: the input itself, or another buffer.
    pub to: Buffer,
    /// Kind of norm.
    pub kind: NormKind,
    /// Gain.
    pub gain: ParamId,
    /// Bias, if it has one.
    pub bias: Option<ParamId>,
    /// Width of a row.
    pub width: usize,
    /// Added to the variance.
    pub epsilon: f64,
}

/// Kinds of norms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NormKind {
    /// LayerNorm: subtracts the mean, divides by the standard deviation (arXiv 1607.06450).
    Layer,
    /// RMSNorm: divides by the root of the mean square (arXiv 1910.07467).
    Rms,
    /// RMSNorm whose gain is one more than its parameter (Gemma).
    RmsFromOne,
}

impl NormKind {
    /// Whether the mean is subtracted.
    pub fn is_centred(self) -> bool {
        match self {
            Self::Layer => true,
            Self::Rms | Self::RmsFromOne => false,
        }
    }

    /// What is added to the parameter to get the gain.
    pub fn gain_offset(self) -> f32 {
        match self {
            Self::Layer | Self::Rms => 0.0,
            Self::RmsFromOne => 1.0,
        }
    }
}

/// Normalizes each head's queries and keys, in place: one norm for all heads of the queries, another for those of the
/// keys.
#[derive(Debug, Clone, PartialEq)]
pub struct NormHeads {
    /// Heads side by side: those of the queries, of the keys, and of the values, which are left alone.
    pub to: Buffer,
    /// Number of query heads.
    pub heads: usize,
    /// Number of key heads, and of value heads.
    pub kv_heads: usize,
    /// Width of a head.
    pub head_width: usize,
    /// Kind of norm; no head is centred.
    pub kind: NormKind,
    /// Gains of the queries and of the keys, each as wide as a head.
    pub gains: [ParamId; 2],
    /// Added to the mean square.
    pub epsilon: f64,
}

/// Linear layers that share an input, joined side by side: `[rows, input]` → `[rows, output]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Linear {
    /// The layers, from left to right.
    pub parts: Vec<Part>,
    /// Input width.
    pub input: usize,
    /// Output width of all parts together.
    pub output: usize,
}

/// One of the layers joined in a [`Linear`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// `[output, input]`.
    pub weight: ParamId,
    /// `[output]`, if it has one.
    pub bias: Option<ParamId>,
}

/// `activation(x Wᵀ + b)`.
#[derive(Debug, Clone, PartialEq)]
pub struct Projection {
    /// Input.
    pub from: Buffer,
    /// Output.
    pub to: Buffer,
    /// The layers.
    pub linear: Linear,
    /// Applied to the output.
    pub activation: Activation,
    /// Whether the output is added to what is in `to`; for now only without an activation.
    pub residual: bool,
}

/// `x + activation(x Upᵀ + b) Downᵀ + c`.
#[derive(Debug, Clone, PartialEq)]
pub struct FeedForward {
    /// Input.
    pub from: Buffer,
    /// Where the output is added; for now always the input.
    pub to: Buffer,
    /// Room for the inner units, of all rows or of some at a time.
    pub inner: Buffer,
    /// The layer that computes the units.
    pub up: Linear,
    /// Applied to the units.
    pub activation: Activation,
    /// The layer that reads the units.
    pub down: Linear,
}

/// `activation(a) · b` for rows `(a, b)`: the gated units of a feed-forward layer (arXiv 2002.05202).
#[derive(Debug, Clone, PartialEq)]
pub struct Gate {
    /// Rows of `2 · width`.
    pub from: Buffer,
    /// Rows of `width`.
    pub to: Buffer,
    /// Applied to the first half.
    pub activation: Activation,
    /// Width of a half.
    pub width: usize,
}

/// Rotary positions (arXiv 2104.09864), in place. At position `p`, elements `i` and `i + w / 2` of a head of width
/// `w` are rotated by the angle `p · theta^(-2i / w)`.
#[derive(Debug, Clone, PartialEq)]
pub struct Rotate {
    /// Heads side by side: those of the queries, then of the keys, which are rotated, and those of the values,
    /// which are not.
    pub to: Buffer,
    /// Number of query heads.
    pub heads: usize,
    /// Number of key heads, and of value heads.
    pub kv_heads: usize,
    /// Width of a head.
    pub head_width: usize,
    /// Base of the angles.
    pub theta: f64,
    /// Positions that a text can have.
    pub positions: usize,
}

/// `softmax(q kᵀ / √scaling) v`, head by head.
#[derive(Debug, Clone, PartialEq)]
pub struct Attention {
    /// Queries, then keys, then values, each head by head.
    pub from: Buffer,
    /// Context vectors, head by head.
    pub to: Buffer,
    /// Number of query heads.
    pub heads: usize,
    /// Number of key and value heads, each shared by as many successive query heads (arXiv 2305.13245).
    pub kv_heads: usize,
    /// Width of a head.
    pub head_width: usize,
    /// Scores are divided by its square root: the width of a head, in nearly all models.
    pub scaling: usize,
    /// Which tokens a token attends to.
    pub mask: Mask,
    /// What is added to the scores, if anything.
    pub relative: Option<RelativeBias>,
}

/// A number for each head and each distance between query and key, added to their score before the softmax (T5,
/// arXiv 1910.10683). Distances are in buckets ([`bucket`](Self::bucket)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RelativeBias {
    /// `[BUCKETS, heads]`; all blocks share it.
    pub table: ParamId,
    /// Positions that a text can have.
    pub positions: usize,
}

impl RelativeBias {
    /// Number of buckets: half of them are for keys after the query.
    pub const BUCKETS: usize = 32;

    /// The bucket of a key that is `ahead` positions after its query, or before it if negative. In both directions
    /// distances below 8 have a bucket each; the next 8 get wider by a factor of √2 each, and the last has no end.
    pub fn bucket(ahead: isize) -> usize {
        let (half, exact) = (Self::BUCKETS / 2, Self::BUCKETS / 4);
        // 2 log₂(distance / exact), in whole numbers: rounded logarithms may be on the wrong side of one.
        let distance = ahead.unsigned_abs().min(1 << 15);
        let wider = (distance.pow(2) / exact.pow(2)).checked_ilog2().map_or(0, |log| log as usize);
        let within = if distance < exact { distance } else { (exact + wider).min(half - 1) };
        within + if ahead > 0 { half } else { 0 }
    }
}

/// Which tokens of its text a token attends to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mask {
    /// All.
    Full,
    /// Those that are at most so many positions away.
    Window(usize),
    /// Itself and all before it.
    Causal,
    /// Itself and at most so many before it.
    CausalWindow(usize),
}

impl Mask {
    /// How many positions back and ahead a token sees; `None` for no limit.
    pub fn reach(self) -> [Option<usize>; 2] {
        match self {
            Self::Full => [None, None],
            Self::Window(reach) => [Some(reach), Some(reach)],
            Self::Causal => [None, Some(0)],
            Self::CausalWindow(reach) => [Some(reach), Some(0)],
        }
    }

    /// The tokens that token `at` of a text of `length` tokens sees.
    pub fn seen(self, at: usize, length: usize) -> std::ops::Range<usize> {
        let [back, ahead] = self.reach();
        let first = back.map_or(0, |back| at.saturating_sub(back));
        let end = ahead.map_or(length, |ahead| at.saturating_add(ahead).saturating_add(1).min(length));
        first..end
    }
}

/// Pools token vectors into one vector per text.
#[derive(Debug, Clone, PartialEq)]
pub struct PoolTokens {
    /// Input: a row for each token.
    pub from: Buffer,
    /// Output: a row for each text.
    pub to: Buffer,
    /// How.
    pub pooling: Pooling,
    /// Width of a row.
    pub width: usize,
}

/// Scales rows to length 1 in place; zero rows stay zero.
#[derive(Debug, Clone, PartialEq)]
pub struct Normalize {
    /// The rows.
    pub to: Buffer,
    /// Width of a row.
    pub width: usize,
}

/// A model: its steps and its parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct Program {
    params: Vec<ParamSpec>,
    steps: Vec<Step>,
    blocks: usize,
    width: usize,
    output: Buffer,
    dimension: usize,
}

impl Program {
    /// All parameters, in the order in which they are used.
    pub fn params(&self) -> &[ParamSpec] {
        &self.params
    }

    /// The parameter with this id.
    pub fn param(&self, id: ParamId) -> &ParamSpec {
        &self.params[id.0]
    }

    /// The parameters of one place, in the same order.
    pub fn params_in(&self, place: Place) -> impl Iterator<Item = &ParamSpec> {
        self.params.iter().filter(move |param| param.place == place)
    }

    /// The word embedding table.
    pub fn table(&self) -> &ParamSpec {
        &self.params[0]
    }

    /// The steps, first to last. At the start each row of [`Buffer::Hidden`] is a token's embedding.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Number of blocks.
    pub fn blocks(&self) -> usize {
        self.blocks
    }

    /// Width of a token's embedding.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The buffer that holds the text vectors at the end.
    pub fn output(&self) -> Buffer {
        self.output
    }

    /// Dimensions of a text vector.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// What all blocks' attention scores are shifted by, if they are.
    pub fn relative(&self) -> Option<RelativeBias> {
        self.steps.iter().find_map(|step| match &step.op {
            Op::Attend(op) => op.relative,
            _ => None,
        })
    }

    /// Width of the widest rows written to `buffer`; 0 if none ever are.
    pub fn widest(&self, buffer: Buffer) -> usize {
        let start = if buffer == Buffer::Hidden { self.width } else { 0 };
        let written = self.steps.iter().flat_map(|step| step.op.writes());
        written.filter(|(to, _)| *to == buffer).map(|(_, width)| width).fold(start, usize::max)
    }

    /// Whether what is in `buffer` after step `i` is read by a later step.
    pub fn is_read_after(&self, i: usize, buffer: Buffer) -> bool {
        let of = |list: Vec<(Buffer, usize)>| list.iter().any(|(which, _)| *which == buffer);
        let later = self.steps[i + 1..].iter().map(|step| (of(step.op.reads(self)), of(step.op.writes())));
        match { later }.find(|(reads, writes)| *reads || *writes) {
            Some((reads, _)) => reads,
            None => buffer == self.output,
        }
    }
}

impl Op {
    /// The buffers it writes, with the width of their rows.
    fn writes(&self) -> Vec<(Buffer, usize)> {
        match self {
            // Rows keep their width.
            Self::AddPositions(_) => Vec::new(),
            Self::Scale(op) => vec![(op.to, op.width)],
            Self::Norm(op) => vec![(op.to, op.width)],
            Self::NormHeads(op) => vec![(op.to, (op.heads + 2 * op.kv_heads) * op.head_width)],
            Self::Add(op) => vec![(op.to, op.width)],
            Self::Project(op) => vec![(op.to, op.linear.output)],
            Self::FeedForward(op) => vec![(op.inner, op.up.output), (op.to, op.down.output)],
            Self::Gate(op) => vec![(op.to, op.width)],
            Self::Rotate(op) => vec![(op.to, (op.heads + 2 * op.kv_heads) * op.head_width)],
            Self::Attend(op) => vec![(op.to, op.heads * op.head_width)],
            Self::Pool(op) => vec![(op.to, op.width)],
            Self::Normalize(op) => vec![(op.to, op.width)],
        }
    }

    /// The buffers it reads, with the width of their rows.
    fn reads(&self, program: &Program) -> Vec<(Buffer, usize)> {
        match self {
            Self::AddPositions(op) => {
                vec![(op.to, program.param(op.table).axes.last().map_or(0, |axis| axis.size()))]
            }
            Self::Scale(op) => vec![(op.to, op.width)],
            Self::Norm(op) => vec![(op.from, op.width)],
            Self::NormHeads(op) => vec![(op.to, (op.heads + 2 * op.kv_heads) * op.head_width)],
            Self::Add(op) => vec![(op.from, op.width), (op.to, op.width)],
            Self::Project(op) => {
                let added = op.residual.then_some((op.to, op.linear.output));
                [(op.from, op.linear.input)].into_iter().chain(added).collect()
            }
            Self::FeedForward(op) => vec![(op.from, op.up.input), (op.to, op.down.output)],
            Self::Gate(op) => vec![(op.from, 2 * op.width)],
            Self::Rotate(op) => vec![(op.to, (op.heads + 2 * op.kv_heads) * op.head_width)],
            Self::Attend(op) => vec![(op.from, (op.heads + 2 * op.kv_heads) * op.head_width)],
            Self::Pool(op) => vec![(op.from, op.width)],
            Self::Normalize(op) => vec![(op.to, op.width)],
        }
    }
}

/// Builds a program, place by place.
pub struct ProgramBuilder {
    program: Program,
    place: Place,
}

impl ProgramBuilder {
    /// A program with the word embedding table `table`, `[vocabulary, width]`.
    pub fn new(table: &str, vocabulary: usize, width: usize) -> Self {
        let program = Program {
            params: Vec::new(),
            steps: Vec::new(),
            blocks: 0,
            width,
            output: Buffer::Hidden,
            dimension: width,
        };
        let mut new = Self { program, place: Place::Before };
        new.param(table, ParamRole::Table, &[Axis::Vocabulary(vocabulary), Axis::Width(width)]);
        new
    }

    /// Sets the place that whatever is added next belongs to.
    pub fn at(&mut self, place: Place) {
        self.place = place;
        if let Place::Block(i) = place {
            self.program.blocks = self.program.blocks.max(i + 1);
        }
    }

    /// Adds a parameter.
    pub fn param(&mut self, name: &str, role: ParamRole, axes: &[Axis]) -> ParamId {
        let spec =
            ParamSpec { name: name.into(), role, axes: axes.into(), place: self.place, optional: false };
        self.program.params.push(spec);
        ParamId(self.program.params.len() - 1)
    }

    /// Adds a parameter that a checkpoint may lack.
    pub fn optional(&mut self, name: &str, role: ParamRole, axes: &[Axis]) -> ParamId {
        let id = self.param(name, role, axes);
        self.program.params[id.0].optional = true;
        id
    }

    /// Adds a layer norm in place, with the parameters that PyTorch calls `weight` and `bias`.
    pub fn layer_norm(&mut self, to: Buffer, name: &str, axis: Axis, epsilon: f64) {
        let gain = self.param(&format!("{name}.weight"), ParamRole::NormGain, &[axis]);
        let bias = Some(self.param(&format!("{name}.bias"), ParamRole::NormBias, &[axis]));
        let kind = NormKind::Layer;
        self.step(Op::Norm(Norm { from: to, to, kind, gain, bias, width: axis.size(), epsilon }));
    }

    /// Adds a layer norm without a bias.
    pub fn scaled_norm(&mut self, [from, to]: [Buffer; 2], name: &str, axis: Axis, epsilon: f64) {
        let gain = self.param(&format!("{name}.weight"), ParamRole::NormGain, &[axis]);
        let kind = NormKind::Layer;
        self.step(Op::Norm(Norm { from, to, kind, gain, bias: None, width: axis.size(), epsilon }));
    }

    /// Adds an RMSNorm, with the parameter that PyTorch calls `weight`.
    pub fn rms_norm(&mut self, buffers: [Buffer; 2], kind: NormKind, name: &str, axis: Axis, epsilon: f64) {
        let gain = self.param(&format!("{name}.weight"), ParamRole::NormGain, &[axis]);
        let [from, to] = buffers;
        self.step(Op::Norm(Norm { from, to, kind, gain, bias: None, width: axis.size(), epsilon }));
    }

    /// Adds the parameters of linear layers side by side, which PyTorch calls `weight` and, if they have one, `bias`;
    /// each has its own output axis.
    pub fn joined(&mut self, layers: &[(Layer, &str, Axis)], input: Axis, has_bias: bool) -> Linear {
        let part = |&(layer, name, output): &(Layer, &str, Axis)| Part {
            weight: self.param(&format!("{name}.weight"), ParamRole::Weight(layer), &[output, input]),
            bias: has_bias.then(|| self.param(&format!("{name}.bias"), ParamRole::Bias(layer), &[output])),
        };
        let parts: Vec<Part> = layers.iter().map(part).collect();
        let output = layers.iter().map(|(_, _, output)| output.size()).sum();
        Linear { output, parts, input: input.size() }
    }

    /// Adds the parameters of linear layers side by side, which PyTorch calls `weight` and `bias`.
    pub fn linear(&mut self, layers: &[(Layer, &str)], output: Axis, input: Axis) -> Linear {
        let part = |&(layer, name): &(Layer, &str)| Part {
            weight: self.param(&format!("{name}.weight"), ParamRole::Weight(layer), &[output, input]),
            bias: Some(self.param(&format!("{name}.bias"), ParamRole::Bias(layer), &[output])),
        };
        let parts: Vec<Part> = layers.iter().map(part).collect();
        Linear { output: parts.len() * output.size(), parts, input: input.size() }
    }

    /// Adds the matrix of a linear layer without a bias, which PyTorch calls `weight`.
    pub fn matrix(&mut self, layer: Layer, name: &str, output: Axis, input: Axis) -> Linear {
        let weight = self.param(&format!("{name}.weight"), ParamRole::Weight(layer), &[output, input]);
        Linear { output: output.size(), parts: vec![Part { weight, bias: None }], input: input.size() }
    }

    /// Adds a step.
    pub fn step(&mut self, op: Op) {
        self.program.steps.push(Step { place: self.place, op });
    }

    /// Checks the program and returns it.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a step that no device supports yet, [`Error::Format`] for one that reads
    /// what no earlier step has written.
    pub fn finish(mut self) -> Result<Program> {
        let mut widths = [None; Buffer::COUNT];
        widths[Buffer::Hidden as usize] = Some(self.program.width);
        let shared = self.program.relative();
        for (i, step) in self.program.steps.iter().enumerate() {
            refuse(&step.op, shared)?;
            for (buffer, width) in step.op.reads(&self.program) {
                let there = widths[buffer as usize];
                if there != Some(width) {
                    let there = there.map_or("nothing".into(), |n| format!("rows of width {n}"));
                    let problem = format!(
                        "it reads rows of width {width} from {buffer:?}, but {there} was written there"
                    );
                    return Err(Error::format(format!("the model's step {i}"), problem));
                }
            }
            if let Op::AddPositions(op) = &step.op
                && op.first >= self.program.param(op.table).axes[0].size()
            {
                let problem = format!("there is no position {} to start at", op.first);
                return Err(Error::format(format!("the model's step {i}"), problem));
            }
            for (buffer, width) in step.op.writes() {
                widths[buffer as usize] = Some(width);
                self.program.output = buffer;
                self.program.dimension = width;
            }
        }
        match self.program.output.rows() {
            Rows::Texts => Ok(self.program),
            Rows::Tokens => Err(Error::format("the model", "no step pools a text's tokens into one vector")),
        }
    }
}

/// Refuses steps that can be described but that no device supports yet.
fn refuse(op: &Op, shared: Option<RelativeBias>) -> Result<()> {
    let what = match op {
        Op::Project(op) if op.residual && op.activation != Activation::Identity => {
            "a linear layer with both an activation and a residual"
        }
        Op::Project(op) if op.from == op.to => "a linear layer that overwrites its input",
        Op::FeedForward(op) if op.from != op.to => {
            "a feed-forward layer whose output is not added to its input"
        }
        Op::Gate(op) if op.from == op.to => "a gate that overwrites its input",
        Op::Rotate(op) if !op.head_width.is_multiple_of(2) => "rotary positions in heads of odd width",
        Op::Attend(op) if op.relative.is_some() && op.relative != shared => {
            "attention scores that are shifted by more than one table"
        }
        Op::Attend(op) if op.kv_heads == 0 || !op.heads.is_multiple_of(op.kv_heads) => {
            "attention heads that cannot be divided evenly among keys and values"
        }
        Op::Add(op) if op.from == op.to => "rows added to themselves",
        Op::NormHeads(op) if op.kind.is_centred() => "heads whose mean is subtracted",
        _ => return Ok(()),
    };
    Err(Error::Unsupported {
        what: what.into(),
        hint: "encoders like BERT and ModernBERT and decoders like Qwen3 are supported".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoder::oracle::{config, with_dense};

    /// The builder of a small model with one of its steps changed.
    fn changed(change: impl Fn(&mut Op)) -> Result<Program> {
        let mut program = with_dense(config(8, 2, 12), &[Activation::Tanh]).program().unwrap();
        program.steps.iter_mut().for_each(|step| change(&mut step.op));
        ProgramBuilder { program, place: Place::After }.finish()
    }

    #[test]
    fn what_no_device_does_yet_is_refused_in_words() {
        let refused = |change: &dyn Fn(&mut Op), said: &str| match changed(change) {
            Err(Error::Unsupported { what, .. }) => assert!(what.contains(said), "{what}"),
            other => panic!("{said}: {:?}", other.map(|program| program.steps.len())),
        };
        assert!(changed(|_| ()).is_ok());
        refused(
            &|op| {
                if let Op::Attend(op) = op {
                    op.kv_heads = 3
                }
            },
            "divided evenly among keys and values",
        );
        refused(
            &|op| {
                if let Op::FeedForward(op) = op {
                    op.from = Buffer::Context
                }
            },
            "not added to its input",
        );
        let active = |op: &mut Op| match op {
            Op::Project(op) if op.residual => op.activation = Activation::Gelu,
            _ => {}
        };
        refused(&active, "an activation and a residual");
    }

    #[test]
    fn a_step_reads_what_was_written_and_a_text_gets_one_vector() {
        let wrong = |change: &dyn Fn(&mut Op), said: &str| match changed(change) {
            Err(problem @ Error::Format { .. }) => assert!(problem.to_string().contains(said), "{problem}"),
            other => panic!("{said}: {:?}", other.map(|program| program.steps.len())),
        };
        wrong(
            &|op| {
                if let Op::Attend(op) = op {
                    op.from = Buffer::Projected
                }
            },
            "nothing was written",
        );
        wrong(
            &|op| {
                if let Op::Attend(op) = op {
                    op.head_width = 8
                }
            },
            "rows of width 48 from Wide",
        );
        wrong(
            &|op| {
                if let Op::AddPositions(op) = op {
                    op.first = 70
                }
            },
            "position 70",
        );
        let mut tokens = with_dense(config(8, 2, 12), &[]).program().unwrap();
        tokens.steps.retain(|step| step.place != Place::After);
        assert!(ProgramBuilder { program: tokens, place: Place::After }.finish().is_err());
    }

    /// The smallest distances of the buckets, as transformers' `MPNetEncoder.relative_position_bucket` has them.
    #[test]
    fn distances_are_in_the_buckets_of_transformers() {
        let starts = [0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 23, 32, 46, 64, 91];
        for distance in 0..2000usize {
            let within = starts.iter().rposition(|start| *start <= distance).unwrap();
            let ahead = if distance == 0 { 0 } else { 16 + within };
            assert_eq!(RelativeBias::bucket(distance as isize), ahead, "{distance}");
            assert_eq!(RelativeBias::bucket(-(distance as isize)), within, "{distance}");
        }
        assert_eq!([isize::MIN, isize::MAX].map(RelativeBias::bucket), [15, 31]);
    }

    #[test]
    fn a_buffer_is_read_until_it_is_written_anew() {
        let program = config(8, 2, 12).program().unwrap();
        let at = |is: fn(&Op) -> bool| program.steps.iter().position(|step| is(&step.op)).unwrap();
        let attend = at(|op| matches!(op, Op::Attend(_)));
        assert!(
            program.is_read_after(attend - 1, Buffer::Wide) && !program.is_read_after(attend, Buffer::Wide)
        );
        assert!(
            program.is_read_after(attend, Buffer::Context) && program.is_read_after(attend, Buffer::Hidden)
        );
        let last = program.steps.len() - 1;
        assert!(program.is_read_after(last, Buffer::Vector) && !program.is_read_after(last, Buffer::Hidden));
        assert_eq!((program.widest(Buffer::Wide), program.widest(Buffer::Projected)), (24, 0));
    }
}
