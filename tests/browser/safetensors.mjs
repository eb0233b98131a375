// Bundles as tests take them apart: what is built, and safetensors files.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { root } from "./server.mjs";

/** A file of the built page. */
export const built = (path) => readFileSync(`${root}dist/${path}`);
export const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");
/** The manifest of a built bundle. */
export const manifestOf = (folder) => JSON.parse(built(`${folder}/manifest.json`));
/** The file of weights that comes last, and lies in the bundle's own folder: `model/model.safetensors`. */
export const weightsOf = (folder) => `${folder}/${manifestOf(folder).files.at(-1).path}`;

/** A safetensors file's header and data, and back. */
export function unpacked(bytes) {
  const length = 8 + Number(bytes.readBigUInt64LE(0));
  return { header: JSON.parse(bytes.subarray(8, length)), data: bytes.subarray(length) };
}
export function packed(header, data, blanks = 0) {
  const text = JSON.stringify(header);
  const padded = Buffer.from(text.padEnd(Math.ceil(Buffer.byteLength(text) / 8) * 8 + blanks));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  return Buffer.concat([length, padded, data]);
}

/** Name, header and bytes of every tensor of a built bundle, from all its files. */
export function tensorsOf(folder) {
  const weights = manifestOf(folder).files.filter(({ path }) => path.endsWith(".safetensors"));
  return weights.flatMap(({ path, at }) => {
    const { header, data } = unpacked(built(`${folder}/${at ?? path}`));
    delete header.__metadata__;
    return Object.entries(header).map(([name, tensor]) => ({ name, tensor, bytes: data.subarray(...tensor.data_offsets) }));
  });
}

/** A safetensors file of some of them. */
export function fileOf(tensors, blanks = 0) {
  let end = 0;
  const header = tensors.map(({ name, tensor, bytes }) => {
    const data_offsets = [end, (end += bytes.length)];
    return [name, { ...tensor, data_offsets }];
  });
  return packed(Object.fromEntries(header), Buffer.concat(tensors.map(({ bytes }) => bytes)), blanks);
}
