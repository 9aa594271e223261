import { Inject, Param, Res } from '@nestjs/common';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { ApiController } from '../api-controller.decorator.js';
import { ApiDocument } from '../openapi.js';
import { notFound } from '../problem.js';
import { type Reply, send, sendJson } from '../reply.js';
import { Route } from '../route.decorator.js';

/** Files of the documentation page that come from the package `swagger-ui-dist`, and nowhere else. */
const ASSETS: Readonly<Record<string, string>> = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
};

const START = `window.ui = SwaggerUIBundle({ url: '/openapi.json', dom_id: '#ui', deepLinking: true });`;

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Wattproof API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
`;

const PAGE_HEADERS = {
  'content-security-policy':
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'",
};

/** The OpenAPI document and a page to read it, without anything from another host. */
@ApiController()
export class DocsController {
  constructor(@Inject(ApiDocument) private readonly document: ApiDocument) {}

  @Route('openapi')
  openapi(@Res() reply: Reply): void {
    sendJson(reply, this.document.get());
  }

  @Route('docs')
  docs(@Res() reply: Reply): void {
    send(reply, 200, 'text/html; charset=utf-8', PAGE, PAGE_HEADERS);
  }

  @Route('docsAsset')
  async asset(@Param('asset') asset: string, @Res() reply: Reply): Promise<void> {
    if (asset === 'start.js') {
      send(reply, 200, 'text/javascript; charset=utf-8', START);
      return;
    }
    const type = Object.hasOwn(ASSETS, asset) ? ASSETS[asset] : undefined;
    if (type === undefined) throw notFound('route_not_found', `There is no file /docs/${asset}.`);
    send(reply, 200, type, await readFile(join(assetFolder(), asset)), {
      'cache-control': 'public, max-age=3600',
    });
  }
}

/** `swagger-ui-dist` is a dependency of @nestjs/swagger, so it is looked up from there. */
function assetFolder(): string {
  const fromHere = createRequire(import.meta.url);
  const fromSwagger = createRequire(fromHere.resolve('@nestjs/swagger'));
  return dirname(fromSwagger.resolve('swagger-ui-dist/package.json'));
}
