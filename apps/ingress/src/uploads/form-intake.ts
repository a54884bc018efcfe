import { hash } from 'node:crypto';
import { type Endpoint, type FormFiles, GatewayError, type RequestForm } from '#libs/contracts';
import type { Logger } from '#libs/telemetry';
import type { IncomingMessage } from 'node:http';
import { sendContinue } from '../http/expect-continue.js';
import type { FormReader, OpenedRequest, UploadedForm } from '../inference/intake.js';
import { readableSize } from '../http/readable-size.js';
import { BodyReader, type SenderPace } from './body-reader.js';
import { checkMask, inspect, type InspectedFile } from './file-inspection.js';
import { boundaryOf, notAForm } from './form-boundary.js';
import { FormParser } from './form-parser.js';
import { fieldsBytes, FormParts, tooLarge } from './form-parts.js';
import { Spool, type SpooledFile } from './spool.js';
import { SpooledBody } from './spooled-body.js';
import type { UploadFolder } from './upload-folder.js';
import { type SpaceLimits, UploadSpace } from './upload-space.js';

type FileRules = Readonly<Record<string, FormFiles>>;

/** Heads and boundaries of all parts, and what stands before the first of them. */
const framingBytes = 1024 * 1024 + 64 * 1024;

/**
 * Receives forms: their files go to temporary ones as they come, each at most as large as its endpoint takes it, and
 * are gone when the response closed, however it ended.
 */
export class FormIntake implements FormReader {
  readonly space: UploadSpace;

  constructor(
    private readonly folder: UploadFolder,
    private readonly logger: Logger,
    private readonly pace: SenderPace,
    limits?: SpaceLimits,
  ) {
    this.space = new UploadSpace(folder.path, limits);
  }

  async read({ request, endpoint, identity }: OpenedRequest): Promise<UploadedForm> {
    const { raw, record } = request;
    const rules = rulesOf(endpoint);
    const boundary = boundaryOf(raw.headers['content-type']);
    refuseByHeaders(raw, rules);
    const spool = new Spool(this.folder, await this.space.open(identity.caller.organizationId));
    let body: SpooledBody | undefined;
    try {
      record.whenClosed(() => void this.dispose(spool, body));
      const parts = new FormParts(rules, spool);
      await this.receive(raw, new FormParser(boundary, parts.begin), parts, rules);
      await spool.close();
      const fields = parts.texts();
      const inspected: InspectedFile[] = [];
      for (const [index, named] of parts.files.entries()) {
        inspected.push(await inspect(named, spool.files[index] as SpooledFile));
      }
      checkMask(inspected);
      body = new SpooledBody(spool.files);
      return uploadOf({ fields, inspected, spooled: spool.files, body });
    } catch (error) {
      await this.dispose(spool, body);
      throw error;
    }
  }

  /** All of the body, to memory and disk. */
  private async receive(raw: IncomingMessage, parser: FormParser, parts: FormParts, rules: FileRules): Promise<void> {
    const most = mostBytes(rules);
    const reader = new BodyReader(raw, this.pace);
    try {
      sendContinue(raw);
      let received = 0;
      for (let chunk = await reader.next(); chunk; chunk = await reader.next()) {
        received += chunk.length;
        if (received > most) throw tooLargeForm(rules, most);
        await parser.write(chunk);
        if (parts.isWorthFlushing) await parts.flush();
      }
      await parser.end();
      await parts.flush();
    } finally {
      reader.close();
    }
  }

  private async dispose(spool: Spool, body: SpooledBody | undefined): Promise<void> {
    try {
      await body?.close();
      await spool.dispose();
    } catch (error) {
      this.logger.error({ error: error as Error }, 'the files of an upload could not be removed');
    }
  }
}

function rulesOf({ form }: Endpoint): FileRules {
  if (!form) throw notAForm();
  return form.files;
}

function refuseByHeaders({ headers }: IncomingMessage, rules: FileRules): void {
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') {
    throw new GatewayError('unsupported_encoding', 'Send the form uncompressed, without a Content-Encoding header.');
  }
  const most = mostBytes(rules);
  if (Number(headers['content-length'] ?? 0) > most) throw tooLargeForm(rules, most);
}

/** What a form of these files can have at most. */
function mostBytes(rules: FileRules): number {
  const files = Object.values(rules).reduce((sum, { max, maxBytes }) => sum + max * maxBytes, 0);
  return files + fieldsBytes + framingBytes;
}

/** Of an endpoint with one file it is that file; the rest of the form cannot be so large. */
function tooLargeForm(rules: FileRules, most: number): GatewayError {
  const [[name, rule] = [], second] = Object.entries(rules);
  if (name !== undefined && rule?.max === 1 && second === undefined) return tooLarge(name, rule.maxBytes);
  return new GatewayError(
    'request_too_large',
    `The form is larger than ${readableSize(most)}. Send fewer or smaller files.`,
  );
}

interface Received {
  readonly fields: RequestForm['fields'];
  readonly inspected: readonly InspectedFile[];
  readonly spooled: readonly SpooledFile[];
  readonly body: SpooledBody;
}

function uploadOf({ fields, inspected, spooled, body }: Received): UploadedForm {
  const files = inspected.map(({ file }) => file);
  // The boundary and the names of the files on the caller's disk are no part of what was asked.
  const meaning = [
    fields.map(({ name, value }) => [name, value]),
    files.map(({ name }, index) => [name, spooled[index]?.digest]),
  ];
  return {
    form: { fields, files },
    fileFacts: inspected.map(({ facts }) => facts),
    body,
    fingerprint: hash('sha256', JSON.stringify(meaning), 'base64url'),
  };
}
