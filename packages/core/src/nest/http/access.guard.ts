import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { mayAccess, type Principal } from '../../accounts/access.js';
import { HTTP_OPTIONS, IDENTITY, type HttpOptions, type Identity } from '../tokens.js';
import { Problem } from './problem.js';
import { type RequestHeaders, setCaller } from './principal.js';
import { ROUTE_NAME } from './route.decorator.js';
import { type RouteName, type RouteRule, ROUTES } from './routes.js';

/** Enforces the route table. A credential that is presented must be valid, even where none is needed. */
@Injectable()
export class AccessGuard implements CanActivate {
  constructor(
    @Inject(Reflector) private readonly reflector: Reflector,
    @Inject(IDENTITY) private readonly identity: Identity,
    @Inject(HTTP_OPTIONS) private readonly options: HttpOptions,
  ) {}

  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const name = this.reflector.get<RouteName | undefined>(ROUTE_NAME, context.getHandler());
    if (name === undefined) {
      throw new Problem(500, 'route_unlisted', 'This route is missing from the route table.');
    }
    const rule: RouteRule = ROUTES[name];
    const request = context
      .switchToHttp()
      .getRequest<{ readonly headers: RequestHeaders; readonly url: string }>();
    // PostgreSQL text cannot hold U+0000, and no id or filter of ours has one.
    if (/%00/.test(request.url)) {
      throw new Problem(400, 'url_invalid', 'The URL holds %00, which no id and no filter has.');
    }
    const presented = this.identity.identify(request.headers);
    if (presented === undefined) return this.admitUnknown(rule);
    return presented.then((principal) => this.admit(rule, request, principal));
  }

  private admitUnknown(rule: RouteRule): true {
    if (mayAccess(undefined, rule.access)) return true;
    if (rule.opens !== undefined && this.options.open.includes(rule.opens)) return true;
    throw new Problem(
      401,
      'api_key_required',
      `${rule.method} ${rule.path} is for ${rule.access}. Send a key in the header X-API-Key.`,
      { 'www-authenticate': 'ApiKey header="X-API-Key"' },
    );
  }

  private admit(rule: RouteRule, request: object, principal: Principal | undefined): true {
    if (principal === undefined) {
      throw new Problem(
        401,
        'api_key_invalid',
        'The key in X-API-Key is unknown, expired or revoked.',
        { 'www-authenticate': 'ApiKey header="X-API-Key"' },
      );
    }
    setCaller(request, principal);
    const opened = rule.opens !== undefined && this.options.open.includes(rule.opens);
    if (opened || mayAccess(principal, rule.access, rule.scope === undefined ? [] : [rule.scope])) {
      return true;
    }
    if (!mayAccess({ ...principal, scopes: [] }, rule.access)) {
      throw new Problem(
        403,
        'role_insufficient',
        `${rule.method} ${rule.path} is for ${rule.access}; this key's role is ${principal.role}.`,
      );
    }
    throw new Problem(
      403,
      'scope_missing',
      `This key lacks the scope "${rule.scope ?? ''}", which ${rule.method} ${rule.path} asks for.`,
    );
  }
}
