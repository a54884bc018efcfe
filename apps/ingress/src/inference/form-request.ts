import { type Endpoint, type FormDefinition, type FormFile, GatewayError } from '#libs/contracts';
import type { FileFacts, ReadRequest, UploadedForm } from './intake.js';
import { validate, type ValidRequest } from './request-validation.js';

/** A file of a form, and what was learned of it. */
export interface ReadFile extends FormFile {
  readonly facts: FileFacts;
}

/** A form that was read and found valid for its endpoint. */
export interface ReadForm {
  /** Texts and lists of texts by names without brackets. */
  readonly texts: Readonly<Record<string, string | string[]>>;
  /** The same as their schema converted them. */
  readonly valid: ValidRequest & Readonly<Record<string, unknown>>;
  /** By field, without brackets. */
  readonly files: ReadonlyMap<string, readonly ReadFile[]>;
}

/** Checks an uploaded form against its endpoint; throws a `GatewayError`. */
export function readFormRequest({ path, form }: Endpoint, { form: sent, fileFacts }: UploadedForm): ReadForm {
  if (!form) throw new GatewayError('unsupported_media_type', `Send the body of ${path} as JSON.`);
  const texts = textsOf(form, sent.fields);
  const files = new Map<string, ReadFile[]>();
  for (const [index, file] of sent.files.entries()) {
    const name = plainName(file.name);
    files.set(name, [...(files.get(name) ?? []), { ...file, facts: fileFacts[index] ?? {} }]);
  }
  refuseWrongFiles(form, texts, files);
  return { texts, valid: validate(form.fields, texts), files };
}

/** What of a request is the same for all forms. */
export function formRequest(
  endpoint: Endpoint,
  { texts, valid }: ReadForm,
  { fingerprint }: UploadedForm,
): Pick<ReadRequest, 'endpoint' | 'model' | 'stream' | 'asked' | 'fingerprint'> {
  return { endpoint, model: valid.model, stream: valid.stream === true, asked: texts, fingerprint: () => fingerprint };
}

function textsOf(form: FormDefinition, fields: UploadedForm['form']['fields']): Record<string, string | string[]> {
  const texts: Record<string, string | string[]> = Object.create(null) as Record<string, string | string[]>;
  for (const { name, value } of fields) {
    const plain = plainName(name);
    const known = texts[plain];
    if (plain !== name || form.lists.includes(plain)) {
      texts[plain] = [...(known === undefined ? [] : [known].flat()), value];
    } else if (known === undefined) {
      texts[plain] = value;
    } else {
      const message = `The form has the field \`${plain}\` twice. Send it once.`;
      throw new GatewayError('invalid_value', message, { param: plain });
    }
  }
  return { ...texts };
}

function refuseWrongFiles(form: FormDefinition, texts: object, files: ReadForm['files']): void {
  for (const [name, { min, max }] of Object.entries(form.files)) {
    const count = files.get(name)?.length ?? 0;
    if (Object.hasOwn(texts, name)) throw wrongFile(name, 'must be a file, not a text: give its part a filename');
    if (count > max) throw wrongFile(name, max === 1 ? 'must be one file' : `must be at most ${max} files`);
    if (count >= min) continue;
    const message = `Missing required parameter: \`${name}\` must be a file of the form.`;
    throw new GatewayError('missing_required_parameter', message, { param: name });
  }
}

function wrongFile(name: string, problem: string): GatewayError {
  return new GatewayError('invalid_value', `Invalid \`${name}\`: ${problem}.`, { param: name });
}

/** `image[]` is `image`. */
function plainName(name: string): string {
  return name.endsWith('[]') ? name.slice(0, -2) : name;
}
