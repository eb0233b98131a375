//! A smaller start: fewer layers, or narrower ones.

use crate::bundle::{Array, Bundle, Weights};
use crate::encoder::{Activation, Config, Dense, TABLE};
use crate::{Error, Result};

/// Which of `all` layers stay when `keep` do: the first, the last, and evenly between.
pub(crate) fn kept(all: usize, keep: usize) -> Vec<usize> {
    let last = all.saturating_sub(1);
    (0..keep).map(|i| if keep == 1 { 0 } else { (i * last + (keep - 1) / 2) / (keep - 1) }).collect()
}

/// How much of a model a run begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Size {
    /// Blocks.
    pub layers: usize,
    /// Numbers in a token's vector.
    pub width: usize,
}

impl Size {
    /// The whole of a model.
    pub fn of(config: &Config) -> Self {
        Self { layers: config.layers, width: config.hidden }
    }
}

/// Cuts the model to `size`, which `section` of a file asks for; returns the layers that are kept.
///
/// # Errors
/// [`Error::Input`] when it is smaller or cannot be cut so, naming the key.
pub(crate) fn cut(bundle: &mut Bundle, size: Size, section: &str) -> Result<Vec<usize>> {
    let all = Size::of(&bundle.manifest.architecture);
    if size.layers > all.layers {
        return Err(Error::Input(format!(
            "The start model has {} layers, so none with {} can be cut from it: change {section}.layers",
            all.layers, size.layers
        )));
    }
    let layers = kept(all.layers, size.layers);
    if size.layers < all.layers {
        shorten(bundle, &layers);
    }
    if size.width != all.width {
        narrow(bundle, size.width, section)?;
    }
    Ok(layers)
}

/// Keeps these layers.
fn shorten(bundle: &mut Bundle, layers: &[usize]) {
    let names: Vec<String> = bundle.weights.iter().map(|(name, _)| name.to_string()).collect();
    let mut moved = Vec::new();
    for name in names {
        let Some((number, rest)) = name.strip_prefix(LAYER).and_then(|rest| rest.split_once('.')) else {
            continue;
        };
        let array = bundle.weights.remove(&name);
        let place = number.parse().ok().and_then(|n: usize| layers.iter().position(|layer| *layer == n));
        if let (Some(place), Some(array)) = (place, array) {
            moved.push((format!("{LAYER}{place}.{rest}"), array));
        }
    }
    for (name, array) in moved {
        bundle.weights.insert(&name, array);
    }
    bundle.manifest.architecture.layers = layers.len();
}

/// Keeps `width` numbers of a token's vector, and of each layer as large a part of its attention heads and of
/// its inner units: those with the largest weights. What comes out keeps its dimension by a linear layer, so
/// that it can still be compared with the teacher's vectors; to begin with, numbers that were cut are 0 there.
fn narrow(bundle: &mut Bundle, width: usize, section: &str) -> Result<()> {
    let config = &mut bundle.manifest.architecture;
    let head = config.hidden / config.heads;
    let inner = config.intermediate * width / config.hidden;
    if width > config.hidden || !width.is_multiple_of(head) || inner == 0 {
        return Err(Error::Input(format!(
            "The start model is {} wide with attention heads of {head}, so none {width} wide can be cut from it: \
             {section}.width takes multiples of {head} up to {}",
            config.hidden, config.hidden
        )));
    }
    let mut cut = Cut(&mut bundle.weights);
    let columns = largest(&cut.norms(config)?, width);

    for name in [TABLE, "embeddings.position_embeddings.weight", "embeddings.token_type_embeddings.weight"] {
        // Not every family has token types.
        if cut.0.get(name).is_some() {
            cut.keep(name, None, Some(&columns))?;
        }
    }
    cut.rows("embeddings.LayerNorm", &columns)?;
    for i in 0..config.layers {
        let at = |part: &str| format!("{LAYER}{i}.{part}");
        let heads = largest(
            &cut.strength(&at("attention.self.value"), &at("attention.output.dense"), head)?,
            width / head,
        );
        let heads: Vec<usize> = heads.iter().flat_map(|h| h * head..(h + 1) * head).collect();
        for part in ["query", "key", "value"] {
            cut.linear(&at(&format!("attention.self.{part}")), &heads, &columns)?;
        }
        cut.linear(&at("attention.output.dense"), &columns, &heads)?;
        cut.rows(&at("attention.output.LayerNorm"), &columns)?;
        let units = largest(&cut.strength(&at("intermediate.dense"), &at("output.dense"), 1)?, inner);
        cut.linear(&at("intermediate.dense"), &units, &columns)?;
        cut.linear(&at("output.dense"), &columns, &units)?;
        cut.rows(&at("output.LayerNorm"), &columns)?;
    }
    match config.dense.first_mut() {
        Some(first) => {
            cut.keep("dense.0.weight", None, Some(&columns))?;
            first.input = width;
        }
        None => {
            let mut weight = vec![0.0; config.hidden * width];
            columns.iter().enumerate().for_each(|(i, column)| weight[column * width + i] = 1.0);
            let hidden = config.hidden;
            bundle.weights.insert("dense.0.weight", Array::f32(vec![hidden, width], weight));
            bundle.weights.insert("dense.0.bias", Array::f32(vec![hidden], vec![0.0; hidden]));
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

/// Weights that are cut.
struct Cut<'a>(&'a mut Weights);

impl Cut<'_> {
    /// Of each number of a token's vector, the sum of its squared factors in all layer norms: how much of what
    /// the layers read it is.
    fn norms(&self, config: &Config) -> Result<Vec<f64>> {
        let layers = (0..config.layers).flat_map(|i| {
            ["attention.output.LayerNorm", "output.LayerNorm"].map(|part| format!("{LAYER}{i}.{part}"))
        });
        let mut sums = vec![0.0; config.hidden];
        for name in layers.chain(["embeddings.LayerNorm".into()]) {
            let factors = self.0.vector(&format!("{name}.weight"), config.hidden)?;
            sums.iter_mut().zip(factors).for_each(|(sum, f)| *sum += f64::from(f).powi(2));
        }
        Ok(sums)
    }

    /// Of each group of `group` units between two linear layers, the product of the squared lengths of what
    /// goes in and of what comes out.
    fn strength(&self, into: &str, out_of: &str, group: usize) -> Result<Vec<f64>> {
        let into = self.0.need(&format!("{into}.weight"))?;
        let out_of = self.0.need(&format!("{out_of}.weight"))?;
        let mut sums = vec![(0.0, 0.0); into.shape[0] / group];
        for (i, value) in into.to_f32().into_iter().enumerate() {
            sums[i / into.shape[1] / group].0 += f64::from(value).powi(2);
        }
        for (i, value) in out_of.to_f32().into_iter().enumerate() {
            sums[i % out_of.shape[1] / group].1 += f64::from(value).powi(2);
        }
        Ok(sums.into_iter().map(|(a, b)| a * b).collect())
    }

    fn linear(&mut self, name: &str, rows: &[usize], columns: &[usize]) -> Result<()> {
        self.keep(&format!("{name}.weight"), None, Some(columns))?;
        self.rows(name, rows)
    }

    /// These outputs of a linear layer, or numbers of a layer norm.
    fn rows(&mut self, name: &str, rows: &[usize]) -> Result<()> {
        self.keep(&format!("{name}.weight"), Some(rows), None)?;
        self.keep(&format!("{name}.bias"), Some(rows), None)
    }

    fn keep(&mut self, name: &str, rows: Option<&[usize]>, columns: Option<&[usize]>) -> Result<()> {
        let array = select(self.0.need(name)?, rows, columns);
        self.0.insert(name, array);
        Ok(())
    }
}

/// These rows and columns of an array, all where nothing is said; a vector has rows only.
fn select(array: &Array, rows: Option<&[usize]>, columns: Option<&[usize]>) -> Array {
    let width = array.shape.get(1).copied().unwrap_or(1);
    let (all_rows, all_columns): (Vec<usize>, Vec<usize>) =
        ((0..array.shape[0]).collect(), (0..width).collect());
    let (rows, columns) = (rows.unwrap_or(&all_rows), columns.unwrap_or(&all_columns));
    let values = array.to_f32();
    let kept = rows.iter().flat_map(|row| columns.iter().map(move |column| row * width + column));
    let shape = match array.shape.len() {
        1 => vec![rows.len()],
        _ => vec![rows.len(), columns.len()],
    };
    Array::f32(shape, kept.map(|i| values[i]).collect())
}

/// The places of the `count` largest, in their order.
fn largest(values: &[f64], count: usize) -> Vec<usize> {
    let mut places: Vec<usize> = (0..values.len()).collect();
    places.sort_by(|&a, &b| values[b].total_cmp(&values[a]));
    places.truncate(count);
    places.sort_unstable();
    places
}

/// What the names of a layer's arrays begin with.
const LAYER: &str = "encoder.layer.";

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
        let all = Size::of(&whole.manifest.architecture);
        assert_eq!(all.layers, 2);
        let mut one = small();
        assert_eq!(cut(&mut one, Size { layers: 1, ..all }, "sweep").unwrap(), [0]);
        assert_eq!(one.manifest.architecture.layers, 1);
        let name = "encoder.layer.0.output.dense.weight";
        assert_eq!(one.weights.need(name).unwrap(), whole.weights.need(name).unwrap());
        assert!(one.weights.get("encoder.layer.1.output.dense.weight").is_none());
        let mut same = small();
        assert_eq!(cut(&mut same, all, "sweep").unwrap(), [0, 1]);
        assert_eq!(same.fingerprint().unwrap(), whole.fingerprint().unwrap());
        let problem = cut(&mut same, Size { layers: 3, ..all }, "start").unwrap_err().to_string();
        assert!(problem.contains("2 layers") && problem.contains("start.layers"), "{problem}");
    }

    /// Of a model in which some is 0, that is what is cut.
    #[test]
    fn a_narrower_model_keeps_what_is_largest() {
        let mut start = small();
        let config = start.manifest.architecture.clone();
        let (hidden, head) = (config.hidden, config.hidden / config.heads);
        assert!(config.heads >= 2 && config.dense.is_empty());
        let (width, inner) = (hidden - head, config.intermediate - config.intermediate / config.heads);
        // One head, the last inner units, and the numbers of a token's vector from `width` on are nothing.
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
        let all = Size::of(&config);
        let size = Size { width, ..all };
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
        assert_eq!(narrow.weights.need(TABLE).unwrap().shape, [config.vocabulary, width]);
        // Layer norms take mean and variance over fewer numbers, so inside it is another model; but what was cut
        // comes out as 0, as it did.
        let encoder = crate::encoder::Encoder::new(&narrow, crate::encoder::Machine::cpu()).unwrap();
        let vector = encoder.encode_all(&["a b c"], crate::text::Kind::Query, &mut |_, _| {}).unwrap();
        assert!(vector[width..].iter().all(|&x| x == 0.0) && vector[..width].iter().all(|&x| x != 0.0));
        let name = format!("{LAYER}1.output.dense.weight");
        let (before, after) = (start.weights.need(&name).unwrap(), narrow.weights.need(&name).unwrap());
        let rows = before
            .to_f32()
            .chunks(config.intermediate)
            .take(width)
            .flat_map(|r| r[..inner].to_vec())
            .collect::<Vec<_>>();
        assert_eq!(after.to_f32(), rows);
        for odd in [head + 1, hidden + head, 0] {
            let problem = cut(&mut copy(), Size { width: odd, ..all }, "sweep").unwrap_err().to_string();
            assert!(problem.contains("sweep.width"), "{problem}");
        }
    }

    #[test]
    fn the_largest_stay_in_their_order() {
        assert_eq!(largest(&[0.5, 3.0, 1.0, 2.0], 2), [1, 3]);
        assert_eq!(largest(&[1.0, 1.0, 1.0], 2), [0, 1]);
    }
}
