import { Controller, HttpCode, Inject, Post, Req, Res, type Type } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { GatewayError } from '#libs/contracts';
import type { AddressRules } from '#libs/providers';
import type { EndpointReader } from './endpoint-readers.js';
import { InferenceDoor } from './inference-door.js';
import { FORM_READER, type FormReader } from './intake.js';

/** What every endpoint does with a request: read it, and hand it on. */
class InferenceDesk {
  constructor(
    protected readonly door: InferenceDoor,
    protected readonly forms: FormReader,
    private readonly rules: AddressRules,
  ) {}

  answer(reader: EndpointReader, request: FastifyRequest, reply: FastifyReply): void | Promise<void> {
    const { endpoint, json, form } = reader;
    const opened = this.door.open(request, endpoint);
    if (form && isForm(request)) {
      const start = (uploaded: Parameters<typeof form>[1]) => this.door.start(opened, reply, form(endpoint, uploaded));
      return this.forms.read(opened).then(start);
    }
    if (!json) {
      const message = `Send the body of ${endpoint.path} as \`multipart/form-data\` with a boundary.`;
      throw new GatewayError('unsupported_media_type', message);
    }
    return this.door.start(opened, reply, json(endpoint, request.body, this.rules));
  }
}

/** A controller with one handler for each endpoint. Nothing is awaited for JSON whose money need not be held. */
export function inferenceController(readers: readonly EndpointReader[], rules: AddressRules): Type {
  @Controller()
  class InferenceController extends InferenceDesk {
    constructor(door: InferenceDoor, @Inject(FORM_READER) forms: FormReader) {
      super(door, forms, rules);
    }
  }
  for (const reader of readers) addHandler(InferenceController, reader);
  return InferenceController;
}

function addHandler({ prototype }: { readonly prototype: InferenceDesk }, reader: EndpointReader): void {
  const handle = function (this: InferenceDesk, request: FastifyRequest, reply: FastifyReply): void | Promise<void> {
    return this.answer(reader, request, reply);
  };
  const { id, path } = reader.endpoint;
  const descriptor: PropertyDescriptor = { value: handle, configurable: true, writable: true };
  Object.defineProperty(prototype, id, descriptor);
  Post(path)(prototype, id, descriptor);
  HttpCode(200)(prototype, id, descriptor);
  Req()(prototype, id, 0);
  Res()(prototype, id, 1);
}

function isForm({ headers }: FastifyRequest): boolean {
  return /^multipart\/form-data\s*(?:;|$)/i.test(headers['content-type'] ?? '');
}
