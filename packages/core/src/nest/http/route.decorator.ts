import { applyDecorators, RequestMapping, RequestMethod, SetMetadata } from '@nestjs/common';
import {
  ApiBody,
  ApiConsumes,
  ApiExtension,
  ApiOperation,
  ApiQuery,
  ApiResponse,
  ApiSecurity,
  ApiTags,
} from '@nestjs/swagger';
import { OPERATIONS, type OperationShape, PROBLEM_SCHEMA } from './openapi-operations.js';
import { type RouteName, type RouteRule, ROUTES } from './routes.js';

export const ROUTE_NAME = 'wattproof:route';

/** Binds a controller's method to its line of the route table: path, access, documentation. */
export function Route(name: RouteName): MethodDecorator {
  const rule: RouteRule = ROUTES[name];
  const who = `Access: \`${rule.access}\`${rule.opens === undefined ? '' : `; without a key when \`http.open\` names \`${rule.opens}\``}.`;
  return applyDecorators(
    RequestMapping({
      method: RequestMethod[rule.method],
      path: [rule.path, ...(rule.aliases ?? [])],
    }),
    SetMetadata(ROUTE_NAME, name),
    ApiTags(rule.tag),
    ApiOperation({ operationId: name, summary: rule.summary, description: who }),
    ApiExtension('x-access', rule.access),
    ...(rule.opens === undefined ? [] : [ApiExtension('x-opens', rule.opens)]),
    ...(rule.scope === undefined ? [] : [ApiExtension('x-scope', rule.scope)]),
    ...(['public', 'device'].includes(rule.access) ? [] : [ApiSecurity('api-key')]),
    ...shapeOf(OPERATIONS[name]),
  );
}

function shapeOf({ query, body, answers, produces }: OperationShape): readonly MethodDecorator[] {
  const media = produces ?? 'application/json';
  return [
    ...Object.entries(query ?? {}).map(([name, description]) =>
      ApiQuery({ name, description, required: false, schema: { type: 'string' } }),
    ),
    ...(body === undefined ? [] : [ApiConsumes(...body.types), ApiBody({ schema: body.schema })]),
    ...Object.entries(answers).map(([status, description]) =>
      ApiResponse({ status: Number(status), description, content: { [media]: {} } }),
    ),
    ApiResponse({
      status: 'default',
      description: 'Refused: a problem document (RFC 9457).',
      content: { 'application/problem+json': { schema: PROBLEM_SCHEMA as object } },
    }),
  ] as MethodDecorator[];
}
