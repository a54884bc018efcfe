import { type FileHandle, open } from 'node:fs/promises';
import { type FormFile, GatewayError } from '#libs/contracts';
import type { FileFacts } from '../inference/intake.js';
import { secondsOf } from './audio-length.js';
import { acceptedTypes, type FileType, fileTypeOf, sampleBytes } from './file-kinds.js';
import { relayedName } from './file-name.js';
import type { NamedFile } from './form-parts.js';
import { imageSizeOf } from './image-header.js';
import { plainName } from './part-header.js';
import type { SpooledFile } from './spool.js';

/** A file as the call names it, and what a look into it told. */
export interface InspectedFile {
  readonly file: FormFile;
  readonly facts: FileFacts;
}

const sidePixels = 60_000;
const areaPixels = 100_000_000;

/** Looks at the headers of one spooled file, never further; rejects with a `GatewayError` when it is not what it must be. */
export async function inspect(named: NamedFile, spooled: SpooledFile): Promise<InspectedFile> {
  const param = plainName(named.name);
  const { kind } = named.rule;
  if (spooled.bytes === 0) throw invalidFile(param, 'is empty');
  const handle = await open(spooled.path, 'r');
  try {
    const sample = Buffer.alloc(Math.min(sampleBytes, spooled.bytes));
    await handle.read(sample, 0, sample.length, 0);
    const type = await fileTypeOf(sample);
    if (type?.kind !== kind) throw invalidFile(param, `is not ${acceptedTypes[kind]}, whatever its name is`);
    const [extension] = type.extensions;
    const filename = relayedName(named.filename, extension, type.extensions);
    const file = { name: named.name, filename, contentType: type.contentType, bytes: spooled.bytes };
    return { file, facts: await factsOf(handle, type, { param, bytes: spooled.bytes }) };
  } finally {
    await handle.close();
  }
}

async function factsOf(
  handle: FileHandle,
  { kind, contentType }: FileType,
  { param, bytes }: { param: string; bytes: number },
): Promise<FileFacts> {
  if (kind === 'audio') {
    const seconds = await secondsOf({ handle, bytes, contentType });
    return seconds === undefined ? {} : { seconds };
  }
  const size = await imageSizeOf(handle, bytes);
  if (!size) throw invalidImage(param, 'does not say how large it is. Save it again, without its metadata');
  const { width, height } = size;
  if (width > sidePixels || height > sidePixels || width * height > areaPixels) {
    throw invalidImage(param, `has ${width} × ${height} pixels. Send up to ${sidePixels} a side and 100 megapixels`);
  }
  return { width, height };
}

/** A mask says which pixels of the first image may change: both have the same ones. */
export function checkMask(files: readonly InspectedFile[]): void {
  const mask = files.find(({ file }) => plainName(file.name) === 'mask');
  const image = files.find(({ file }) => plainName(file.name) === 'image');
  if (!mask) return;
  if (mask.file.contentType !== 'image/png') throw invalidImage('mask', 'is no PNG: only that has an alpha channel');
  if (image && (image.facts.width !== mask.facts.width || image.facts.height !== mask.facts.height)) {
    const [is, must] = [mask, image].map(({ facts }) => `${facts.width} × ${facts.height}`);
    throw invalidImage('mask', `has ${is} pixels, the first image ${must}. Send a mask of the same size`);
  }
}

function invalidFile(param: string, what: string): GatewayError {
  return new GatewayError('invalid_file', `The file \`${param}\` ${what}.`, { param });
}

function invalidImage(param: string, what: string): GatewayError {
  return new GatewayError('invalid_image', `The file \`${param}\` ${what}.`, { param });
}
