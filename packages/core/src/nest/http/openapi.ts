import { type INestApplication, Injectable } from '@nestjs/common';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { Problem } from './problem.js';

/** Version of the HTTP API, as its paths say it. */
const API_VERSION = '1';

/** The OpenAPI document: built once, on first demand, from the controllers of this module. */
@Injectable()
export class ApiDocument {
  private build: (() => OpenAPIObject) | undefined;
  private document: OpenAPIObject | undefined;

  /** `module`: the module whose controllers are described. */
  describe(app: INestApplication, module: NewableFunction): void {
    this.build = () =>
      SwaggerModule.createDocument(app, outline(), {
        include: [module],
        deepScanRoutes: true,
        autoTagControllers: false,
      });
  }

  get(): OpenAPIObject {
    if (this.build === undefined) {
      throw new Problem(
        503,
        'openapi_not_prepared',
        'The host application was not prepared. Call prepareHttpApp(app) before app.listen().',
        { 'retry-after': '60' },
      );
    }
    this.document ??= this.build();
    return this.document;
  }
}

function outline(): Omit<OpenAPIObject, 'paths'> {
  return new DocumentBuilder()
    .setTitle('Wattproof gateway')
    .setDescription(
      'Turns meter readings into facts anyone can check. Errors are `application/problem+json` (RFC 9457) with a stable `code`. Lists take `limit` and `cursor`; the next page is in the header `Link` with `rel="next"`.',
    )
    .setVersion(API_VERSION)
    .setLicense('Apache-2.0', 'https://www.apache.org/licenses/LICENSE-2.0')
    .addApiKey({ type: 'apiKey', in: 'header', name: 'X-API-Key' }, 'api-key')
    .build();
}
