// A file of vectors in 8 bits, as `interlingua encode --output FILE.safetensors` writes it.

/** The bytes of `n` vectors of `d` numbers from `values`, an Int8Array of them row after row, all with one scale. */
export function packedFile(values, n, d) {
  const header = JSON.stringify({
    vectors: { dtype: "I8", shape: [n, d], data_offsets: [4 * n, 4 * n + n * d] },
    scales: { dtype: "F32", shape: [n], data_offsets: [0, 4 * n] },
  });
  const head = Buffer.from(header.padEnd(Math.ceil(header.length / 8) * 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(head.length));
  return Buffer.concat([length, head, Buffer.from(new Float32Array(n).fill(0.01).buffer), Buffer.from(values.buffer)]);
}
