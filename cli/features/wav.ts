/**
 * Bytes of a WAV file → its samples, one channel, between -1 and 1.
 *
 *   RIFF … 16 bits, 2 channels, 44,100 Hz, [16384, 0, -32768, -32768]   →   { rate: 44100, samples: [0.25, -1] }
 *
 * Several channels become their mean. What is compressed is refused.
 */
import { fail } from "../failure.js";

export interface Sound {
  /** Samples per second. */
  readonly rate: number;
  readonly samples: Float32Array;
}

interface Format {
  readonly code: number;
  readonly channels: number;
  readonly rate: number;
  readonly bits: number;
}

const pcm = 1;
const float = 3;
/** The format's code stands in the first two bytes of an identifier further on. */
const extensible = 0xfffe;

export function readWav(bytes: Uint8Array, path: string): Sound {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 12 || word(view, 0) !== "RIFF" || word(view, 8) !== "WAVE")
    refuse(path, "does not start as a WAV file");
  const chunks = chunksOf(view);
  const header = chunks.get("fmt ");
  const data = chunks.get("data");
  if (!header || header.byteLength < 16) return refuse(path, "has no description of its samples");
  if (!data) return refuse(path, "holds no samples");
  const format = formatOf(header);
  return { rate: format.rate, samples: mixed(data, format, sampleReader(format, path)) };
}

/** The first chunk of each name. A writer that did not know the length left 0 or the largest number: the rest of the file. */
function chunksOf(view: DataView): ReadonlyMap<string, DataView> {
  const chunks = new Map<string, DataView>();
  for (let at = 12; at + 8 <= view.byteLength; ) {
    const name = word(view, at);
    const rest = view.byteLength - at - 8;
    const stated = view.getUint32(at + 4, true);
    const size = name === "data" && stated === 0 ? rest : Math.min(stated, rest);
    if (!chunks.has(name)) chunks.set(name, new DataView(view.buffer, view.byteOffset + at + 8, size));
    at += 8 + size + (size % 2);
  }
  return chunks;
}

function formatOf(header: DataView): Format {
  const code = header.getUint16(0, true);
  return {
    code: code === extensible && header.byteLength >= 26 ? header.getUint16(24, true) : code,
    channels: header.getUint16(2, true),
    rate: header.getUint32(4, true),
    bits: header.getUint16(14, true),
  };
}

type SampleReader = (data: DataView, at: number) => number;

function sampleReader({ code, bits, channels, rate }: Format, path: string): SampleReader {
  if (channels === 0 || rate === 0) refuse(path, `says ${channels} channels and ${rate} samples per second`);
  if (code === pcm && bits === 8) return (data, at) => (data.getUint8(at) - 128) / 128;
  if (code === pcm && bits === 16) return (data, at) => data.getInt16(at, true) / 2 ** 15;
  if (code === pcm && bits === 24)
    return (data, at) => (data.getInt16(at + 1, true) * 256 + data.getUint8(at)) / 2 ** 23;
  if (code === pcm && bits === 32) return (data, at) => data.getInt32(at, true) / 2 ** 31;
  if (code === float && bits === 32) return (data, at) => data.getFloat32(at, true);
  if (code === float && bits === 64) return (data, at) => data.getFloat64(at, true);
  return fail(
    "bad-data",
    `\`${path}\` has samples of format ${code} with ${bits} bits, which tfmc does not read`,
    "it reads whole numbers of 8, 16, 24 and 32 bits and floating point of 32 and 64 bits",
    path,
  );
}

function mixed(data: DataView, { channels, bits }: Format, read: SampleReader): Float32Array {
  const width = bits / 8;
  const samples = new Float32Array(Math.floor(data.byteLength / (width * channels)));
  for (let n = 0; n < samples.length; n++) {
    let sum = 0;
    for (let c = 0; c < channels; c++) sum += read(data, (n * channels + c) * width);
    samples[n] = sum / channels;
  }
  return samples;
}

const word = (view: DataView, at: number): string =>
  String.fromCharCode(...[0, 1, 2, 3].map((n) => view.getUint8(at + n)));

const refuse = (path: string, what: string): never =>
  fail("bad-data", `\`${path}\` is no WAV file that can be read: it ${what}`, undefined, path);
