//! Makes the page's two workers from one that was built with relaxed SIMD: one with fused multiply-add, and one
//! without, for browsers that lack it.
//!
//!     unfuse WORKER.wasm FUSED.wasm PLAIN.wasm
//!
//! Every fused operation is replaced by `a * b + c`, so that with either program a vector does not depend on its
//! batch. Everything else is unchanged, byte for byte.

use std::{env, fs, process::ExitCode};

use wasmparser::{FunctionBody, Operator, Parser, Payload};

type Result<T> = std::result::Result<T, String>;

/// Which of the two programs to make.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Fused,
    Plain,
}

const CODE_SECTION: u8 = 10;
const V128: u8 = 0x7b;
const LOCAL_GET: u8 = 0x20;
const LOCAL_SET: u8 = 0x21;
const F32X4_ADD: [u8; 3] = [0xfd, 0xe4, 0x01];
const F32X4_MUL: [u8; 3] = [0xfd, 0xe6, 0x01];
const F32X4_PMIN: [u8; 3] = [0xfd, 0xea, 0x01];
const F32X4_PMAX: [u8; 3] = [0xfd, 0xeb, 0x01];
const F64X2_PMIN: [u8; 3] = [0xfd, 0xf4, 0x01];
const F64X2_PMAX: [u8; 3] = [0xfd, 0xf5, 0x01];

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [from, fused, plain] = arguments.as_slice() else {
        eprintln!("unfuse: name three files: the worker, and the outputs with and without fused multiply-add.");
        return ExitCode::FAILURE;
    };
    match run(from, fused, plain) {
        Ok(places) => {
            eprintln!("unfuse: {places} fused multiply-adds in {from}");
            ExitCode::SUCCESS
        }
        Err(problem) => {
            eprintln!("unfuse: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn run(from: &str, fused: &str, plain: &str) -> Result<usize> {
    let program = fs::read(from).map_err(|e| format!("{from} could not be read: {e}"))?;
    let make = |kind| rewritten(&program, kind).map_err(|e| format!("{from}: {e}"));
    let (with, places) = make(Kind::Fused)?;
    if places == 0 {
        return Err(format!("{from} has no fused multiply-add: was it built without relaxed SIMD?"));
    }
    let (without, _) = make(Kind::Plain)?;
    for (path, bytes) in [(fused, with), (plain, without)] {
        fs::write(path, bytes).map_err(|e| format!("{path} could not be written: {e}"))?;
    }
    Ok(places)
}

/// The program of this kind, and the number of fused multiply-adds in `program`.
fn rewritten(program: &[u8], kind: Kind) -> Result<(Vec<u8>, usize)> {
    let mut out = program.get(..8).ok_or("it is too short for a WebAssembly program")?.to_vec();
    // The number of parameters of each function type, and the type of each function with a body.
    let mut parameters = Vec::new();
    let mut types = Vec::new();
    let mut code: Option<(Vec<u8>, usize)> = None;
    let (mut bodies, mut places) = (0, 0);
    for payload in Parser::new(0).parse_all(program) {
        let payload = payload.map_err(|e| e.to_string())?;
        match &payload {
            Payload::TypeSection(section) => {
                for kind in section.clone().into_iter_err_on_gc_types() {
                    parameters.push(kind.map_err(|e| e.to_string())?.params().len());
                }
            }
            Payload::FunctionSection(section) => {
                for kind in section.clone() {
                    types.push(kind.map_err(|e| e.to_string())? as usize);
                }
            }
            Payload::CodeSectionStart { count, .. } => code = Some((leb(*count as usize), *count as usize)),
            Payload::CodeSectionEntry(body) => {
                let own = types.get(bodies).and_then(|&kind| parameters.get(kind));
                let own = *own.ok_or_else(|| format!("function {bodies} has no type"))?;
                let (bytes, found) =
                    function(program, body, own, kind).map_err(|e| format!("function {bodies}: {e}"))?;
                bodies += 1;
                places += found;
                if let Some((section, count)) = &mut code {
                    section.extend(leb(bytes.len()));
                    section.extend(bytes);
                    if bodies == *count {
                        append(&mut out, CODE_SECTION, section);
                    }
                }
            }
            _ => {}
        }
        if let Some((id, range)) = payload.as_section().filter(|(id, _)| *id != CODE_SECTION) {
            append(&mut out, id, &program[range.start as usize..range.end as usize]);
        }
    }
    Ok((out, places))
}

/// A function's body of this kind, and its number of fused multiply-adds.
fn function(program: &[u8], body: &FunctionBody, parameters: usize, kind: Kind) -> Result<(Vec<u8>, usize)> {
    let text = |e: wasmparser::BinaryReaderError| e.to_string();
    let mut operators = body.get_operators_reader().map_err(text)?;
    let mut groups = Vec::new();
    for group in body.get_locals_reader().map_err(text)? {
        groups.push(group.map_err(text)?);
    }
    // The addend is kept in an extra local while the factors above it on the stack are multiplied.
    let waiting = leb(parameters + groups.iter().map(|(count, _)| *count as usize).sum::<usize>());
    let start = operators.original_position() as usize;
    let mut code = Vec::new();
    // The bytes copied, and the bytes read.
    let (mut copied, mut read, mut places) = (start, start, 0);
    while !operators.eof() {
        let operator = operators.read().map_err(text)?;
        let begin = read;
        read = operators.original_position() as usize;
        let replaced: Vec<u8> = match (&operator, kind) {
            (Operator::F32x4RelaxedMadd, _) => {
                places += 1;
                if kind == Kind::Fused {
                    continue;
                }
                [&[LOCAL_SET], &waiting[..], &F32X4_MUL, &[LOCAL_GET], &waiting, &F32X4_ADD].concat()
            }
            // The compiler turns pmin and pmax into relaxed ones, which lose NaN on some processors.
            (Operator::F32x4RelaxedMin, _) => F32X4_PMIN.to_vec(),
            (Operator::F32x4RelaxedMax, _) => F32X4_PMAX.to_vec(),
            (Operator::F64x2RelaxedMin, _) => F64X2_PMIN.to_vec(),
            (Operator::F64x2RelaxedMax, _) => F64X2_PMAX.to_vec(),
            // Relaxed SIMD opcodes are 0x100 and above.
            (other, Kind::Plain) if matches!(program[begin..], [0xfd, 0x80..=0xff, 0x02..=0x7f, ..]) => {
                return Err(format!("there is no known replacement for {other:?}"));
            }
            _ => continue,
        };
        code.extend(&program[copied..begin]);
        code.extend(replaced);
        copied = read;
    }
    code.extend(&program[copied..read]);

    let first = body.range().start as usize;
    if kind == Kind::Fused || places == 0 {
        return Ok(([&program[first..start], &code].concat(), places));
    }
    let mut out = leb(groups.len() + 1);
    // The groups of locals follow their count, and end where the code starts.
    out.extend(&program[first + leb(groups.len()).len()..start]);
    out.extend([1, V128]);
    out.extend(code);
    Ok((out, places))
}

fn append(out: &mut Vec<u8>, id: u8, content: &[u8]) {
    out.push(id);
    out.extend(leb(content.len()));
    out.extend(content);
}

/// A number in LEB128.
fn leb(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use wasmparser::{Validator, WasmFeatures};

    use super::*;

    /// A program with one function that takes three vectors, has two locals (an i32 and an f32), and the body `code`.
    fn program(code: &[u8]) -> Vec<u8> {
        let mut body = vec![2, 1, 0x7f, 1, 0x7d];
        body.extend(code);
        body.push(0x0b);
        let mut out = b"\0asm\x01\0\0\0".to_vec();
        append(&mut out, 1, &[1, 0x60, 3, V128, V128, V128, 1, V128]);
        append(&mut out, 3, &[1, 0]);
        append(&mut out, CODE_SECTION, &[vec![1], leb(body.len()), body].concat());
        append(&mut out, 0, b"\x04namewhatever is here stays");
        out
    }

    const THREE: [u8; 6] = [LOCAL_GET, 0, LOCAL_GET, 1, LOCAL_GET, 2];
    const MADD: [u8; 3] = [0xfd, 0x85, 0x02];

    fn valid(program: &[u8], features: WasmFeatures) -> bool {
        Validator::new_with_features(features).validate_all(program).is_ok()
    }

    #[test]
    fn a_product_and_a_sum_take_the_place_of_the_fused_one() {
        let program = program(&[&THREE[..], &MADD].concat());
        let relaxed = WasmFeatures::default();
        let plain = relaxed - WasmFeatures::RELAXED_SIMD;
        assert!(valid(&program, relaxed) && !valid(&program, plain));

        assert_eq!(
            rewritten(&program, Kind::Fused).unwrap(),
            (program.clone(), 1),
            "there is nothing to change"
        );
        let (made, places) = rewritten(&program, Kind::Plain).unwrap();
        assert_eq!(places, 1);
        assert!(valid(&made, plain));
        // A third group of locals, one vector, with the index 3 + 2.
        let body = [
            &[3, 1, 0x7f, 1, 0x7d, 1, V128][..],
            &THREE,
            &[LOCAL_SET, 5],
            &F32X4_MUL,
            &[LOCAL_GET, 5],
            &F32X4_ADD,
            &[0x0b],
        ]
        .concat();
        let section = [vec![1], leb(body.len()), body].concat();
        assert!(made.windows(section.len()).any(|window| window == section));
        assert!(made.ends_with(b"whatever is here stays"));
    }

    #[test]
    fn minima_are_strict_in_both() {
        // The opcodes of the relaxed ones, and their replacements.
        let pairs = [(0x8d, F32X4_PMIN), (0x8e, F32X4_PMAX), (0x8f, F64X2_PMIN), (0x90, F64X2_PMAX)];
        let code = |replaced: bool| {
            let mut code = vec![LOCAL_GET, 0];
            for (relaxed, strict) in pairs {
                code.extend([LOCAL_GET, 1]);
                code.extend(if replaced { strict } else { [0xfd, relaxed, 0x02] });
            }
            program(&code)
        };
        for kind in [Kind::Fused, Kind::Plain] {
            assert_eq!(rewritten(&code(false), kind).unwrap(), (code(true), 0));
        }
        assert!(valid(&code(true), WasmFeatures::default() - WasmFeatures::RELAXED_SIMD));
    }

    #[test]
    fn what_cannot_be_replaced_is_named() {
        // A negated one, which the kernels do not use.
        let program = program(&[&THREE[..], &[0xfd, 0x86, 0x02]].concat());
        assert!(rewritten(&program, Kind::Plain).unwrap_err().contains("F32x4RelaxedNmadd"));
        assert!(rewritten(b"\0asm", Kind::Plain).is_err());
        assert!(rewritten(&program[..program.len() / 2], Kind::Plain).is_err());
    }
}
