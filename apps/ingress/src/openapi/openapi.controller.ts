import { Controller, Get, Header } from '@nestjs/common';
import { Public } from '../auth/public.decorator.js';
import { openApiDocument } from './openapi-document.js';

/** `GET /openapi.json`. */
@Controller()
export class OpenApiController {
  private readonly document = JSON.stringify(openApiDocument());

  @Public()
  @Get('openapi.json')
  @Header('content-type', 'application/json; charset=utf-8')
  get(): string {
    return this.document;
  }
}
