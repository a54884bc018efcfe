import { isUtf8 } from 'node:buffer';
import { type FormFiles, GatewayError, type RequestForm } from '#libs/contracts';
import { readableSize } from '../http/readable-size.js';
import { badForm } from './form-boundary.js';
import { type PartHeader, type PartLines, plainName, readPartHeader } from './part-header.js';
import type { Spool } from './spool.js';

type FileRules = Readonly<Record<string, FormFiles>>;

/** A file as the caller named it; its bytes are in the spool, at the same place. */
export interface NamedFile {
  readonly name: string;
  readonly filename: string;
  readonly rule: FormFiles;
}

interface Field {
  readonly name: string;
  readonly pieces: Buffer[];
  bytes: number;
}

/** 32,000 characters of any script. */
const fieldBytes = 128 * 1024;
/** Of all fields together: they travel in the head of the call, which is one message of the bus. */
export const fieldsBytes = 512 * 1024;

/** A write of the disk costs a turn, however small it is. */
const writeBytes = 64 * 1024;
/** A piece costs some hundred bytes beside its own. */
const maxPieces = 256;

/** Gathers the parts of one form: fields in memory, files through the spool. */
export class FormParts {
  readonly files: NamedFile[] = [];
  private readonly fields: Field[] = [];
  private readonly counts = new Map<string, number>();
  /** Of each file, what came and is not written yet. */
  private readonly unwritten: Buffer[][] = [];
  private unwrittenBytes = 0;
  private unwrittenPieces = 0;
  /** Files that were begun in the spool. */
  private begun = 0;
  private fieldTotal = 0;

  constructor(
    private readonly rules: FileRules,
    private readonly spool: Spool,
  ) {}

  /** A part begins; what comes back takes its bytes. Throws a `GatewayError`. */
  readonly begin = (lines: PartLines): ((data: Buffer) => void) => {
    const header = readPartHeader(lines);
    const { filename } = header;
    return filename === undefined ? this.beginField(header) : this.beginFile({ ...header, filename });
  };

  get isWorthFlushing(): boolean {
    return this.unwrittenBytes >= writeBytes || this.unwrittenPieces >= maxPieces;
  }

  /**
   * Writes what came so far to the disk; the next bytes wait for it. File by file, in their order: the parser tells of
   * a part before the last bytes of the one before it.
   */
  async flush(): Promise<void> {
    this.unwrittenBytes = 0;
    this.unwrittenPieces = 0;
    for (let index = Math.max(0, this.begun - 1); index < this.unwritten.length; index++) {
      if (index >= this.begun) {
        await this.spool.begin();
        this.begun++;
      }
      const pieces = this.unwritten[index]?.splice(0) ?? [];
      if (pieces.length > 0) await this.spool.append(joined(pieces));
    }
    if (this.unwritten.some(({ length }) => length > 0)) throw new Error('bytes came for a file that was finished');
  }

  /** The fields as text, once all parts were there. */
  texts(): RequestForm['fields'] {
    const texts = this.fields.map(({ name, pieces }) => ({ name, value: textOf(name, Buffer.concat(pieces)) }));
    if (JSON.stringify(texts).length > fieldsBytes * 1.5) throw tooManyFields();
    return texts;
  }

  private beginField({ name }: PartHeader): (data: Buffer) => void {
    const param = plainName(name);
    if (Object.hasOwn(this.rules, param)) {
      const message = `\`${param}\` must be a file: send its part with a file name.`;
      throw new GatewayError('invalid_value', message, { param });
    }
    const field: Field = { name, pieces: [], bytes: 0 };
    this.fields.push(field);
    return (data) => {
      field.bytes += data.length;
      this.fieldTotal += data.length;
      if (field.bytes > fieldBytes) {
        throw new GatewayError('invalid_value', `\`${name}\` is longer than ${readableSize(fieldBytes)}.`, { param });
      }
      if (this.fieldTotal > fieldsBytes) throw tooManyFields();
      field.pieces.push(data);
      if (field.pieces.length >= maxPieces) field.pieces.push(joined(field.pieces.splice(0)));
    };
  }

  private beginFile({ name, filename }: PartHeader & { filename: string }): (data: Buffer) => void {
    const rule = this.countFile(name);
    const param = plainName(name);
    this.files.push({ name, filename, rule });
    const pieces: Buffer[] = [];
    this.unwritten.push(pieces);
    let bytes = 0;
    return (data) => {
      bytes += data.length;
      if (bytes > rule.maxBytes) throw tooLarge(param, rule.maxBytes);
      pieces.push(data);
      this.unwrittenBytes += data.length;
      this.unwrittenPieces++;
    };
  }

  /** The rule of a file's field; throws for one that the endpoint does not take, or takes less often. */
  private countFile(name: string): FormFiles {
    const param = plainName(name);
    const rule = Object.hasOwn(this.rules, param) ? this.rules[param] : undefined;
    if (!rule || (name !== param && name !== `${param}[]`)) {
      const message = `\`${name}\` is no file of this endpoint. Files: ${Object.keys(this.rules).join(', ')}.`;
      throw new GatewayError('invalid_value', message, { param: name });
    }
    const count = (this.counts.get(param) ?? 0) + 1;
    this.counts.set(param, count);
    if (count > rule.max) {
      const message = `\`${param}\` was sent more than ${rule.max === 1 ? 'once' : `${rule.max} times`}.`;
      throw new GatewayError('invalid_value', message, { param });
    }
    return rule;
  }
}

/** Also for a form that is too large by its own account. */
export function tooLarge(param: string, maxBytes: number): GatewayError {
  const message = `\`${param}\` is larger than ${readableSize(maxBytes)}. Send a smaller file, or a part of it.`;
  return new GatewayError('file_too_large', message, { param });
}

function tooManyFields(): GatewayError {
  return new GatewayError(
    'request_too_large',
    `The parameters of the form are longer than ${readableSize(fieldsBytes)}.`,
  );
}

function joined(pieces: readonly Buffer[]): Buffer {
  const [only] = pieces;
  return only && pieces.length === 1 ? only : Buffer.concat(pieces);
}

function textOf(name: string, bytes: Buffer): string {
  if (!isUtf8(bytes)) throw badForm(`The part \`${name}\` is not UTF-8.`);
  return bytes.toString('utf8');
}
