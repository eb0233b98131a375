//! A model as a program: steps over named buffers, and the parameters that they use.
//!
//! An architecture makes a [`Program`] from a [`Config`](super::Config); devices run it and know no architecture. A step has the grain of a fused kernel, and is described by data. Where that is an
//! enum of one variant, others will come: every device takes such a value apart whole, so that none compiles
//! before it does the new variant or refuses it. What no device does yet, [`Builder::finish`] refuses.

use super::{Activation, Pooling};
use crate::{Error, Result};

/// Where a step or a parameter belongs, in the order in which a text passes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Before the blocks: the embeddings.
    Before,
    /// In this block, counted from 0.
    Block(usize),
    /// Behind the blocks: from token vectors to a text's vector.
    After,
}

/// A parameter of a program, by its place in [`Program::params`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParamId(usize);

/// One tensor of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParamSpec {
    /// Its name, as in Hugging Face's checkpoints and in bundles.
    pub name: String,
    /// What it is for.
    pub role: Role,
    /// What its dimensions count.
    pub axes: Vec<Axis>,
    /// Where it is used.
    pub place: Place,
    /// Whether a checkpoint may lack it.
    pub optional: bool,
}

/// What a parameter is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A vector for each token of the vocabulary. It stays in memory, and no device gets it whole.
    Table,
    /// A vector for each position.
    Position,
    /// A vector for each kind of segment, of which the first is used.
    Segment,
    /// What a norm multiplies by.
    NormGain,
    /// What a norm adds.
    NormBias,
    /// The matrix of a linear layer, `[output, input]`.
    Weight(Layer),
    /// What a linear layer adds.
    Bias(Layer),
}

/// Which linear layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// Into attention's queries.
    Query,
    /// Into its keys.
    Key,
    /// Into its values.
    Value,
    /// Out of attention.
    Output,
    /// Into the feed-forward layer.
    Up,
    /// Out of it.
    Down,
    /// Behind the pooling.
    Dense,
}

/// What a dimension counts, and its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axis {
    /// Tokens of the vocabulary.
    Vocabulary(usize),
    /// Positions in a text.
    Position(usize),
    /// Kinds of segments: one or more.
    Segment,
    /// Numbers of a token's vector between the steps.
    Width(usize),
    /// Numbers of all of a block's attention heads.
    Heads(usize),
    /// Units within a block's feed-forward layer.
    Inner(usize),
    /// Numbers of a text's vector behind a dense layer.
    Vector(usize),
}

impl Axis {
    /// Its size; 1 where more will do.
    pub fn size(self) -> usize {
        match self {
            Self::Segment => 1,
            Self::Vocabulary(n)
            | Self::Position(n)
            | Self::Width(n)
            | Self::Heads(n)
            | Self::Inner(n)
            | Self::Vector(n) => n,
        }
    }
}

impl ParamSpec {
    /// Its least shape.
    pub fn shape(&self) -> Vec<usize> {
        self.axes.iter().map(|axis| axis.size()).collect()
    }

    /// Whether an array of this shape is one for it.
    pub fn fits(&self, shape: &[usize]) -> bool {
        let fits = |(axis, &n): (&Axis, &usize)| match axis {
            Axis::Segment => n >= 1,
            sized => n == sized.size(),
        };
        shape.len() == self.axes.len() && self.axes.iter().zip(shape).all(fits)
    }
}

/// Memory that steps read and write. Its rows are as wide as what was written last; a device gives it room for
/// the widest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Buffer {
    /// A row for each token, from block to block; at first its embedding.
    Hidden,
    /// Of each token what is wider: queries, keys and values, or the units of the feed-forward layer.
    Wide,
    /// Of each token what attention made of the values.
    Context,
    /// A row for each text.
    Vector,
    /// The same, where a dense layer cannot write what it still reads.
    Projected,
}

impl Buffer {
    /// All of them, each at the place of its number.
    pub const ALL: [Self; Self::COUNT] =
        [Self::Hidden, Self::Wide, Self::Context, Self::Vector, Self::Projected];
    /// How many there are.
    pub const COUNT: usize = 5;

    /// What its rows are of.
    pub fn rows(self) -> Rows {
        match self {
            Self::Hidden | Self::Wide | Self::Context => Rows::Tokens,
            Self::Vector | Self::Projected => Rows::Texts,
        }
    }
}

/// What rows are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// Tokens of all texts of a batch, one after the other.
    Tokens,
    /// Texts.
    Texts,
}

impl Rows {
    /// How many there are in a batch of so many tokens and texts.
    pub fn count(self, tokens: usize, texts: usize) -> usize {
        match self {
            Self::Tokens => tokens,
            Self::Texts => texts,
        }
    }
}

/// One step and where it belongs.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Where.
    pub place: Place,
    /// What is done.
    pub op: Op,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq)]
pub enum Op {
    /// Adds to each token's row that of its position.
    AddPositions(AddPositions),
    /// Brings rows to a common size.
    Norm(Norm),
    /// Multiplies rows by matrices.
    Project(Projection),
    /// Adds what a feed-forward layer makes of rows.
    FeedForward(FeedForward),
    /// Mixes the tokens of each text.
    Attend(Attention),
    /// Makes one row of each text's tokens.
    Pool(Pool),
    /// Scales rows to length 1.
    Normalize(Normalize),
}

/// Adds to each row of `to` a row of a table: that of its place in its text, counted from `first`.
#[derive(Debug, Clone, PartialEq)]
pub struct AddPositions {
    /// Where.
    pub to: Buffer,
    /// The rows.
    pub table: ParamId,
    /// Of this the first row is added to each of them, where a checkpoint has it.
    pub segments: Option<ParamId>,
    /// The row of a text's first token.
    pub first: usize,
    /// The token that is not counted wherever it stands, and has the row before the first.
    pub padding: Option<u32>,
}

/// `gain · (x - mean) / √(variance + epsilon) + bias`, row by row.
#[derive(Debug, Clone, PartialEq)]
pub struct Norm {
    /// What is read.
    pub from: Buffer,
    /// Where the result goes: in its place, so far.
    pub to: Buffer,
    /// Of which kind.
    pub kind: NormKind,
    /// The factors.
    pub gain: ParamId,
    /// The summands.
    pub bias: ParamId,
    /// Numbers in a row.
    pub width: usize,
    /// Added to the variance.
    pub epsilon: f64,
}

/// What a norm takes out of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NormKind {
    /// Mean and variance (arXiv 1607.06450).
    Layer,
}

/// Linear layers with the same input, side by side as one: `[rows, input]` → `[rows, output]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Linear {
    /// From left to right.
    pub parts: Vec<Part>,
    /// Numbers in a row that goes in.
    pub input: usize,
    /// Numbers in a row that comes out, of all parts together.
    pub output: usize,
}

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// `[output, input]`.
    pub weight: ParamId,
    /// `[output]`; every layer has one, so far.
    pub bias: Option<ParamId>,
}

/// `activation(x Wᵀ + b)`.
#[derive(Debug, Clone, PartialEq)]
pub struct Projection {
    /// What is read.
    pub from: Buffer,
    /// Where the result goes.
    pub to: Buffer,
    /// The layers.
    pub linear: Linear,
    /// What becomes of each number.
    pub activation: Activation,
    /// Whether the result is added to what is there: nothing becomes of it before, so far.
    pub residual: bool,
}

/// `x + activation(x Upᵀ + b) Downᵀ + c`.
#[derive(Debug, Clone, PartialEq)]
pub struct FeedForward {
    /// What is read.
    pub from: Buffer,
    /// What is added to: what is read, so far.
    pub to: Buffer,
    /// Room for the units between the layers, of all rows or of some at a time.
    pub inner: Buffer,
    /// How the units are made.
    pub gate: Gate,
    /// The layer that makes them.
    pub up: Linear,
    /// What becomes of each.
    pub activation: Activation,
    /// The layer that reads them.
    pub down: Linear,
}

/// What a feed-forward layer's units are multiplied by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// Nothing.
    None,
}

/// `softmax(q kᵀ / √head_width) v`, head by head.
#[derive(Debug, Clone, PartialEq)]
pub struct Attention {
    /// Queries, then keys, then values, each head by head.
    pub from: Buffer,
    /// Where the values' mixtures go, head by head.
    pub to: Buffer,
    /// Heads of queries.
    pub heads: usize,
    /// Heads of keys and values: as many, so far.
    pub kv_heads: usize,
    /// Numbers of a head.
    pub head_width: usize,
    /// Which tokens a token sees.
    pub mask: Mask,
    /// How queries and keys are turned by their positions.
    pub rotation: Rotation,
    /// What is done to each head's queries and keys before.
    pub head_norm: HeadNorm,
}

/// Which tokens of its text a token sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mask {
    /// All.
    Full,
}

/// How queries and keys are turned by their positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// Not at all.
    None,
}

/// How a head's queries and keys are brought to a common size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeadNorm {
    /// Not at all.
    None,
}

/// From token vectors to one vector a text.
#[derive(Debug, Clone, PartialEq)]
pub struct Pool {
    /// Rows of tokens.
    pub from: Buffer,
    /// Rows of texts.
    pub to: Buffer,
    /// How.
    pub pooling: Pooling,
    /// Numbers in a row.
    pub width: usize,
}

/// Rows scaled to length 1 in place; a zero row stays zero.
#[derive(Debug, Clone, PartialEq)]
pub struct Normalize {
    /// Which.
    pub to: Buffer,
    /// Numbers in a row.
    pub width: usize,
}

/// A model: what is done, and with which parameters.
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

    /// One of them.
    pub fn param(&self, id: ParamId) -> &ParamSpec {
        &self.params[id.0]
    }

    /// Those of one place, in the same order.
    pub fn params_in(&self, place: Place) -> impl Iterator<Item = &ParamSpec> {
        self.params.iter().filter(move |param| param.place == place)
    }

    /// The word embedding table.
    pub fn table(&self) -> &ParamSpec {
        &self.params[0]
    }

    /// The steps, first to last. They begin with a token's embedding in each row of [`Buffer::Hidden`].
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Number of blocks.
    pub fn blocks(&self) -> usize {
        self.blocks
    }

    /// Numbers of a token's embedding.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Where the texts' vectors are in the end.
    pub fn output(&self) -> Buffer {
        self.output
    }

    /// Numbers of a text's vector.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// Numbers that a row of `buffer` has, at most; 0 where nothing is ever written.
    pub fn widest(&self, buffer: Buffer) -> usize {
        let start = if buffer == Buffer::Hidden { self.width } else { 0 };
        let written = self.steps.iter().flat_map(|step| step.op.writes());
        written.filter(|(to, _)| *to == buffer).map(|(_, width)| width).fold(start, usize::max)
    }

    /// Whether a step behind step `i` reads what is in `buffer` then.
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
    /// What it writes, and how wide its rows are then.
    fn writes(&self) -> Vec<(Buffer, usize)> {
        match self {
            // Rows keep their width.
            Self::AddPositions(_) => Vec::new(),
            Self::Norm(op) => vec![(op.to, op.width)],
            Self::Project(op) => vec![(op.to, op.linear.output)],
            Self::FeedForward(op) => vec![(op.inner, op.up.output), (op.to, op.down.output)],
            Self::Attend(op) => vec![(op.to, op.heads * op.head_width)],
            Self::Pool(op) => vec![(op.to, op.width)],
            Self::Normalize(op) => vec![(op.to, op.width)],
        }
    }

    /// What it reads, and how wide rows are there.
    fn reads(&self, program: &Program) -> Vec<(Buffer, usize)> {
        match self {
            Self::AddPositions(op) => {
                vec![(op.to, program.param(op.table).axes.last().map_or(0, |axis| axis.size()))]
            }
            Self::Norm(op) => vec![(op.from, op.width)],
            Self::Project(op) => {
                let added = op.residual.then_some((op.to, op.linear.output));
                [(op.from, op.linear.input)].into_iter().chain(added).collect()
            }
            Self::FeedForward(op) => vec![(op.from, op.up.input), (op.to, op.down.output)],
            Self::Attend(op) => vec![(op.from, (op.heads + 2 * op.kv_heads) * op.head_width)],
            Self::Pool(op) => vec![(op.from, op.width)],
            Self::Normalize(op) => vec![(op.to, op.width)],
        }
    }
}

/// Puts a program together, place by place.
pub struct Builder {
    program: Program,
    place: Place,
}

impl Builder {
    /// A program whose tokens have a row of `table`, `[vocabulary, width]`, at first.
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
        new.param(table, Role::Table, &[Axis::Vocabulary(vocabulary), Axis::Width(width)]);
        new
    }

    /// What comes now belongs there.
    pub fn at(&mut self, place: Place) {
        self.place = place;
        if let Place::Block(i) = place {
            self.program.blocks = self.program.blocks.max(i + 1);
        }
    }

    /// A parameter of this place.
    pub fn param(&mut self, name: &str, role: Role, axes: &[Axis]) -> ParamId {
        let spec =
            ParamSpec { name: name.into(), role, axes: axes.into(), place: self.place, optional: false };
        self.program.params.push(spec);
        ParamId(self.program.params.len() - 1)
    }

    /// A parameter of this place that a checkpoint may lack.
    pub fn optional(&mut self, name: &str, role: Role, axes: &[Axis]) -> ParamId {
        let id = self.param(name, role, axes);
        self.program.params[id.0].optional = true;
        id
    }

    /// A layer norm over rows in place, with the parameters that PyTorch calls `weight` and `bias`.
    pub fn layer_norm(&mut self, to: Buffer, name: &str, axis: Axis, epsilon: f64) {
        let gain = self.param(&format!("{name}.weight"), Role::NormGain, &[axis]);
        let bias = self.param(&format!("{name}.bias"), Role::NormBias, &[axis]);
        let kind = NormKind::Layer;
        self.step(Op::Norm(Norm { from: to, to, kind, gain, bias, width: axis.size(), epsilon }));
    }

    /// Linear layers side by side, each with the parameters that PyTorch calls `weight` and `bias`.
    pub fn linear(&mut self, layers: &[(Layer, &str)], output: Axis, input: Axis) -> Linear {
        let part = |&(layer, name): &(Layer, &str)| Part {
            weight: self.param(&format!("{name}.weight"), Role::Weight(layer), &[output, input]),
            bias: Some(self.param(&format!("{name}.bias"), Role::Bias(layer), &[output])),
        };
        let parts: Vec<Part> = layers.iter().map(part).collect();
        Linear { output: parts.len() * output.size(), parts, input: input.size() }
    }

    /// A step of this place.
    pub fn step(&mut self, op: Op) {
        self.program.steps.push(Step { place: self.place, op });
    }

    /// The program.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a step that no device does yet, [`Error::Format`] for one that reads what the
    /// steps before it did not write.
    pub fn finish(mut self) -> Result<Program> {
        let mut widths = [None; Buffer::COUNT];
        widths[Buffer::Hidden as usize] = Some(self.program.width);
        for (i, step) in self.program.steps.iter().enumerate() {
            refuse(&step.op)?;
            for (buffer, width) in step.op.reads(&self.program) {
                let there = widths[buffer as usize];
                if there != Some(width) {
                    let there = there.map_or("nothing".into(), |n| format!("rows of {n}"));
                    let problem =
                        format!("it reads rows of {width} from {buffer:?}, where {there} was written");
                    return Err(Error::format(format!("the model's step {i}"), problem));
                }
            }
            if let Op::AddPositions(op) = &step.op
                && op.first >= self.program.param(op.table).axes[0].size()
            {
                let problem = format!("there is no position {} to begin with", op.first);
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
            Rows::Tokens => Err(Error::format("the model", "no step makes one vector of a text's tokens")),
        }
    }
}

/// What steps may be described as, and none is so far.
fn refuse(op: &Op) -> Result<()> {
    let what = match op {
        Op::Norm(op) if op.from != op.to => "a norm that leaves what it reads",
        Op::Project(op) if op.linear.parts.iter().any(|part| part.bias.is_none()) => {
            "a linear layer without a bias"
        }
        Op::Project(op) if op.residual && op.activation != Activation::Identity => {
            "a linear layer that is added behind an activation"
        }
        Op::Project(op) if op.from == op.to => "a linear layer that writes what it reads",
        Op::FeedForward(op)
            if [&op.up, &op.down].iter().any(|l| l.parts.iter().any(|p| p.bias.is_none())) =>
        {
            "a feed-forward layer without a bias"
        }
        Op::FeedForward(op) if op.from != op.to => {
            "a feed-forward layer that is added to what it does not read"
        }
        Op::Attend(op) if op.kv_heads != op.heads => "attention whose heads share keys and values",
        _ => return Ok(()),
    };
    Err(Error::Unsupported { what: what.into(), hint: "post-norm encoders like BERT are run".into() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoder::oracle::{config, with_dense};

    /// The builder of a small model, changed at one of its steps.
    fn changed(change: impl Fn(&mut Op)) -> Result<Program> {
        let mut program = with_dense(config(8, 2, 12), &[Activation::Tanh]).program().unwrap();
        program.steps.iter_mut().for_each(|step| change(&mut step.op));
        Builder { program, place: Place::After }.finish()
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
                    op.kv_heads = 1
                }
            },
            "share keys and values",
        );
        refused(
            &|op| {
                if let Op::Norm(op) = op {
                    op.to = Buffer::Context
                }
            },
            "norm",
        );
        refused(
            &|op| {
                if let Op::Project(op) = op {
                    op.linear.parts[0].bias = None
                }
            },
            "without a bias",
        );
        refused(
            &|op| {
                if let Op::FeedForward(op) = op {
                    op.down.parts[0].bias = None
                }
            },
            "without a bias",
        );
        refused(
            &|op| {
                if let Op::FeedForward(op) = op {
                    op.from = Buffer::Context
                }
            },
            "does not read",
        );
        let active = |op: &mut Op| match op {
            Op::Project(op) if op.residual => op.activation = Activation::Gelu,
            _ => {}
        };
        refused(&active, "behind an activation");
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
            "rows of 48 from Wide",
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
        assert!(Builder { program: tokens, place: Place::After }.finish().is_err());
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
