//! Access to a program's parameters among a model's arrays.

use super::{Array, Weights};
use crate::{
    Error, Result,
    architecture::program::{Linear, ParamId, ParamSpec, Program},
};

impl Weights {
    /// The array for a parameter.
    ///
    /// # Errors
    /// [`Error::Format`] when it is missing or has another shape.
    pub fn param(&self, param: &ParamSpec) -> Result<&Array> {
        let array = self.need(&param.name)?;
        if !param.fits(&array.shape) {
            let problem = format!("shape {:?} instead of {:?}", array.shape, param.shape());
            return Err(Error::format(&param.name, problem));
        }
        Ok(array)
    }

    /// A parameter's values in f32.
    ///
    /// # Errors
    /// As [`param`](Self::param).
    pub fn values(&self, program: &Program, id: ParamId) -> Result<Vec<f32>> {
        Ok(self.param(program.param(id))?.to_f32())
    }

    /// The matrices of a linear layer's parts, from left to right.
    ///
    /// # Errors
    /// As [`param`](Self::param).
    pub fn matrices(&self, program: &Program, linear: &Linear) -> Result<Vec<&Array>> {
        linear.parts.iter().map(|part| self.param(program.param(part.weight))).collect()
    }

    /// The biases of a linear layer's parts, from left to right; `None` where they have none.
    ///
    /// # Errors
    /// As [`param`](Self::param); [`Error::Unsupported`] when only some parts have one.
    pub fn biases(&self, program: &Program, linear: &Linear) -> Result<Option<Vec<f32>>> {
        let ids: Vec<_> = linear.parts.iter().filter_map(|part| part.bias).collect();
        if ids.is_empty() {
            return Ok(None);
        }
        if ids.len() < linear.parts.len() {
            return Err(Error::Unsupported {
                what: format!("{} beside a layer without a bias", program.param(ids[0]).name),
                hint: "layers that share an input all have a bias, or none has".into(),
            });
        }
        let values = ids.into_iter().map(|id| self.values(program, id)).collect::<Result<Vec<_>>>()?;
        Ok(Some(values.concat()))
    }
}
