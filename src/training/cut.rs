//! Cutting the start model to fewer or narrower layers.

use crate::architecture::{
    Activation, Config, Dense, Family, dense_name,
    program::{Axis, Layer, Mask, Op, ParamRole, ParamSpec, Place, Program},
};
use crate::bundle::{Array, Bundle, Weights};
use crate::{Error, Result};

/// Which of `all` layers to keep: the first, the last, and evenly spaced ones between, `keep` in total.
pub(crate) fn kept(all: usize, keep: usize) -> Vec<usize> {
    let last = all.saturating_sub(1);
    (0..keep).map(|i| if keep == 1 { 0 } else { (i * last + (keep - 1) / 2) / (keep - 1) }).collect()
}

/// The size to cut a start model to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ModelSize {
    /// Blocks.
    pub layers: usize,
    /// Hidden dimensions.
    pub width: usize,
}

impl ModelSize {
    /// The full model.
    pub fn of(config: &Config) -> Self {
        Self { layers: config.layers, width: config.hidden }
    }
}

/// Cuts the model to `size`, as requested in `section` of a file; returns the layers that are kept.
///
/// # Errors
/// [`Error::Input`] if it is smaller or cannot be cut like this, naming the key.
pub(crate) fn cut(bundle: &mut Bundle, size: ModelSize, section: &str) -> Result<Vec<usize>> {
    let all = ModelSize::of(&bundle.manifest.architecture);
    if size.layers > all.layers {
        return Err(Error::Input(format!(
            "the start model has {} layers and cannot be cut to {}: change {section}.layers",
            all.layers, size.layers
        )));
    }
    let layers = kept(all.layers, size.layers);
    if size.layers < all.layers {
        shorten(bundle, &layers, section)?;
    }
    if size.width != all.width {
        narrow(bundle, size.width, section)?;
    }
    Ok(layers)
}

/// Keeps these layers.
fn shorten(bundle: &mut Bundle, layers: &[usize], section: &str) -> Result<()> {
    let before = bundle.manifest.architecture.program()?;
    let mut config = Config { layers: layers.len(), ..bundle.manifest.architecture.clone() };
    if let Some(decoder) = config.decoder.as_mut().filter(|decoder| !decoder.local.is_empty()) {
        decoder.local = layers.iter().map(|&layer| decoder.is_local(layer)).collect();
    }
    let after = config.program()?;
    if layers.iter().enumerate().any(|(now, &then)| mask(&after, now) != mask(&before, then)) {
        return Err(Error::Input(format!(
            "Of {} layers, which the start model would keep, some would see the whole text in place of a window, or a \
             window in place of it: leave {section}.layers out, or name another number",
            layers.len()
        )));
    }
    bundle.manifest.architecture = config;
    let mut moved = Vec::new();
    for block in 0..before.blocks() {
        let arrays = before.params_in(Place::Block(block)).map(|param| bundle.weights.remove(&param.name));
        let arrays: Vec<Option<Array>> = arrays.collect();
        if let Some(place) = layers.iter().position(|layer| *layer == block) {
            moved.extend(after.params_in(Place::Block(place)).zip(arrays));
        }
    }
    for (param, array) in moved {
        // A checkpoint may lack some.
        if let Some(array) = array {
            bundle.weights.insert(&param.name, array);
        }
    }
    Ok(())
}

/// What the tokens of a block attend to.
fn mask(program: &Program, block: usize) -> Option<Mask> {
    let steps = program.steps().iter().filter(|step| step.place == Place::Block(block));
    steps.map(|step| &step.op).find_map(|op| match op {
        Op::Attend(op) => Some(op.mask),
        _ => None,
    })
}

/// Keeps `width` hidden dimensions, and the same proportion of each layer's attention heads and inner units:
/// those with the largest weights. A linear layer maps the output to its former dimension, so that it can
/// still be compared with the teacher's vectors; initially, dimensions that were cut are 0 there.
fn narrow(bundle: &mut Bundle, width: usize, section: &str) -> Result<()> {
    let config = &mut bundle.manifest.architecture;
    if config.family == Family::Static {
        return Err(Error::Unsupported {
            what: format!("cutting the width of static embeddings ({section}.width)"),
            hint: "truncate their vectors instead, with --dimension".into(),
        });
    }
    if config.decoder.is_some() {
        return Err(Error::Unsupported {
            what: format!("cutting the width of a decoder ({section}.width)"),
            hint: "cut its layers instead".into(),
        });
    }
    let head = config.hidden / config.heads;
    let inner = config.intermediate * width / config.hidden;
    if width > config.hidden || !width.is_multiple_of(head) || inner == 0 {
        return Err(Error::Input(format!(
            "the start model is {} wide with attention heads of {head} and cannot be cut to a width of {width}: \
             {section}.width takes multiples of {head} up to {}",
            config.hidden, config.hidden
        )));
    }
    let family = match config.family {
        Family::ModernBert => Some("ModernBERT"),
        // Its heads share one table of distances in all blocks, and blocks may lose different heads.
        Family::MpNet => Some("MPNet"),
        _ => None,
    };
    if let Some(family) = family {
        return Err(Error::Unsupported {
            what: format!("cutting the width of a {family} ({section}.width)"),
            hint: "cut its layers instead".into(),
        });
    }
    let program = config.program()?;
    let weights = &mut bundle.weights;
    let columns = largest(&norms(&program, weights)?, width);
    let mut blocks = Vec::new();
    for block in 0..program.blocks() {
        let of =
            |into, out_of, group| strength(&program, weights, Place::Block(block), [into, out_of], group);
        let heads = largest(&of(Layer::Value, Layer::Output, head)?, width / head);
        let heads: Vec<usize> = heads.iter().flat_map(|h| h * head..(h + 1) * head).collect();
        blocks.push((heads, largest(&of(Layer::Up, Layer::Down, 1)?, inner)));
    }
    for param in program.params() {
        let keep = |axis: &Axis| match (axis, param.place) {
            (Axis::Width(_), _) => Some(&columns),
            (Axis::Heads(_), Place::Block(i)) => Some(&blocks[i].0),
            (Axis::Inner(_), Place::Block(i)) => Some(&blocks[i].1),
            _ => None,
        };
        let kept: Vec<_> = param.axes.iter().map(keep).collect();
        if kept.iter().all(Option::is_none) || (param.optional && weights.get(&param.name).is_none()) {
            continue;
        }
        let array = select(weights.param(param)?, &kept);
        weights.insert(&param.name, array);
    }
    match config.dense.first_mut() {
        Some(first) => first.input = width,
        None => {
            let (name, hidden) = (dense_name(0), config.hidden);
            let mut weight = vec![0.0; hidden * width];
            columns.iter().enumerate().for_each(|(i, column)| weight[column * width + i] = 1.0);
            weights.insert(&format!("{name}.weight"), Array::f32(vec![hidden, width], weight));
            weights.insert(&format!("{name}.bias"), Array::f32(vec![hidden], vec![0.0; hidden]));
            config.dense.push(Dense {
                input: width,
                output: hidden,
                activation: Activation::Identity,
                normalized: false,
            });
        }
    }
    config.heads = width / head;
    config.hidden = width;
    config.intermediate = inner;
    Ok(())
}

/// For each hidden dimension, the sum of its squared factors in all norms: its share in what the layers read.
fn norms(program: &Program, weights: &Weights) -> Result<Vec<f64>> {
    let mut sums = vec![0.0; program.width()];
    let gains = || program.params().iter().filter(|param| param.role == ParamRole::NormGain);
    let blocks = gains().filter(|param| param.place != Place::Before);
    for param in blocks.chain(gains().filter(|param| param.place == Place::Before)) {
        let factors = weights.param(param)?.to_f32();
        sums.iter_mut().zip(factors).for_each(|(sum, f)| *sum += f64::from(f).powi(2));
    }
    Ok(sums)
}

/// For each group of `group` units between two linear layers, the product of the squared norms of their incoming
/// and outgoing weights.
fn strength(
    program: &Program,
    weights: &Weights,
    place: Place,
    layers: [Layer; 2],
    group: usize,
) -> Result<Vec<f64>> {
    let find = |layer| {
        let is = |param: &&ParamSpec| param.role == ParamRole::Weight(layer);
        program.params_in(place).find(is).ok_or_else(|| Error::Unsupported {
            what: format!("cutting the width of a start whose blocks have no layer {layer:?}"),
            hint: "keep the width".into(),
        })
    };
    let (into, out_of) = (weights.param(find(layers[0])?)?, weights.param(find(layers[1])?)?);
    let mut sums = vec![(0.0, 0.0); into.shape[0] / group];
    for (i, value) in into.to_f32().into_iter().enumerate() {
        sums[i / into.shape[1] / group].0 += f64::from(value).powi(2);
    }
    for (i, value) in out_of.to_f32().into_iter().enumerate() {
        sums[i % out_of.shape[1] / group].1 += f64::from(value).powi(2);
    }
    Ok(sums.into_iter().map(|(a, b)| a * b).collect())
}

/// These rows and columns of an array, by default all; a vector has rows only.
fn select(array: &Array, kept: &[Option<&Vec<usize>>]) -> Array {
    let width = array.shape.get(1).copied().unwrap_or(1);
    let all = |count: usize| (0..count).collect::<Vec<usize>>();
    let of = |axis: usize, count| kept.get(axis).copied().flatten().cloned().unwrap_or_else(|| all(count));
    let (rows, columns) = (of(0, array.shape[0]), of(1, width));
    let values = array.to_f32();
    let places = rows.iter().flat_map(|row| columns.iter().map(move |column| row * width + column));
    let shape = match array.shape.len() {
        1 => vec![rows.len()],
        _ => vec![rows.len(), columns.len()],
    };
    Array::f32(shape, places.map(|i| values[i]).collect())
}

/// The indices of the `count` largest values, in ascending order.
fn largest(values: &[f64], count: usize) -> Vec<usize> {
    let mut places: Vec<usize> = (0..values.len()).collect();
    places.sort_by(|&a, &b| values[b].total_cmp(&values[a]));
    places.truncate(count);
    places.sort_unstable();
    places
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn small() -> Bundle {
        Bundle::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/checkpoints/plain"))
            .unwrap()
    }

    #[test]
    fn layers_are_spaced_evenly() {
        assert_eq!(kept(6, 6), [0, 1, 2, 3, 4, 5]);
        assert_eq!(kept(6, 3), [0, 3, 5]);
        assert_eq!(kept(12, 4), [0, 4, 7, 11]);
        assert_eq!((kept(6, 2), kept(6, 1)), (vec![0, 5], vec![0]));
        for all in 1..14 {
            for keep in 1..=all {
                let layers = kept(all, keep);
                assert!(layers.windows(2).all(|w| w[0] < w[1]) && layers[keep - 1] < all, "{all} {layers:?}");
            }
        }
    }

    #[test]
    fn a_cut_model_has_the_layers_it_says() {
        let whole = small();
        let all = ModelSize::of(&whole.manifest.architecture);
        assert_eq!(all.layers, 2);
        let mut one = small();
        assert_eq!(cut(&mut one, ModelSize { layers: 1, ..all }, "sweep").unwrap(), [0]);
        assert_eq!(one.manifest.architecture.layers, 1);
        let name = "encoder.layer.0.output.dense.weight";
        assert_eq!(one.weights.need(name).unwrap(), whole.weights.need(name).unwrap());
        assert!(one.weights.get("encoder.layer.1.output.dense.weight").is_none());
        let mut same = small();
        assert_eq!(cut(&mut same, all, "sweep").unwrap(), [0, 1]);
        assert_eq!(same.fingerprint().unwrap(), whole.fingerprint().unwrap());
        let problem = cut(&mut same, ModelSize { layers: 3, ..all }, "start").unwrap_err().to_string();
        assert!(problem.contains("2 layers") && problem.contains("start.layers"), "{problem}");
    }

    /// Where parts of a model are 0, those are cut.
    #[test]
    fn a_narrower_model_keeps_what_is_largest() {
        let mut start = small();
        let config = start.manifest.architecture.clone();
        let (hidden, head) = (config.hidden, config.hidden / config.heads);
        assert!(config.heads >= 2 && config.dense.is_empty());
        let (width, inner) = (hidden - head, config.intermediate - config.intermediate / config.heads);
        // One head, the last inner units, and the hidden dimensions from `width` on are 0.
        let clear = |weights: &mut Weights, name: &str, is_cut: &dyn Fn(usize, usize) -> bool| {
            let array = weights.need(name).unwrap();
            let columns = array.shape.get(1).copied().unwrap_or(1);
            let values = array.to_f32().into_iter().enumerate();
            let values = values.map(|(i, v)| if is_cut(i / columns, i % columns) { 0.0 } else { v });
            let array = Array::f32(array.shape.clone(), values.collect());
            weights.insert(name, array);
        };
        let names: Vec<String> = start.weights.iter().map(|(name, _)| name.to_string()).collect();
        for name in &names {
            let weights = &mut start.weights;
            if name.contains("LayerNorm") {
                clear(weights, name, &|i, _| i >= width);
            } else if name.contains("attention.self.value") {
                clear(weights, name, &|i, _| i >= width);
            } else if name.contains("intermediate") {
                clear(weights, name, &|i, _| i >= inner);
            }
        }
        let all = ModelSize::of(&config);
        let size = ModelSize { width, ..all };
        let copy = || {
            let mut copy = small();
            copy.weights = start.weights.clone();
            copy
        };
        let mut narrow = copy();
        cut(&mut narrow, size, "sweep").unwrap();
        let cut_config = &narrow.manifest.architecture;
        assert_eq!(
            (cut_config.hidden, cut_config.intermediate, cut_config.heads),
            (width, inner, config.heads - 1)
        );
        assert_eq!(cut_config.dimension(), hidden);
        assert_eq!(
            narrow.weights.need("embeddings.word_embeddings.weight").unwrap().shape,
            [config.vocabulary, width]
        );
        // Layer norms have mean and variance over fewer dimensions, so inside it is a different model; but what was
        // cut is still 0 in the output.
        let encoder = crate::encoder::Encoder::new(&narrow, crate::encoder::EncoderDevice::cpu()).unwrap();
        let vector = encoder.encode_all(&["a b c"], crate::text::Kind::Query, &mut |_, _| {}).unwrap();
        assert!(vector[width..].iter().all(|&x| x == 0.0) && vector[..width].iter().all(|&x| x != 0.0));
        let name = "encoder.layer.1.output.dense.weight";
        let (before, after) = (start.weights.need(name).unwrap(), narrow.weights.need(name).unwrap());
        let rows = before
            .to_f32()
            .chunks(config.intermediate)
            .take(width)
            .flat_map(|r| r[..inner].to_vec())
            .collect::<Vec<_>>();
        assert_eq!(after.to_f32(), rows);
        for odd in [head + 1, hidden + head, 0] {
            let problem = cut(&mut copy(), ModelSize { width: odd, ..all }, "sweep").unwrap_err().to_string();
            assert!(problem.contains("sweep.width"), "{problem}");
        }
    }

    #[test]
    fn the_largest_stay_in_their_order() {
        assert_eq!(largest(&[0.5, 3.0, 1.0, 2.0], 2), [1, 3]);
        assert_eq!(largest(&[1.0, 1.0, 1.0], 2), [0, 1]);
    }
}
