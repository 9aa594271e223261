import { gatewayConfigSchema, type JsonSchema } from '@wattproof/core/plugins';
import type { PluginKind } from '@wattproof/core/spi';
import { z } from 'zod';

export type Path = readonly (string | number)[];
/** JSON Schema of the block of the plugin `use` names, when it can be had. */
export type DescribeBlock = (use: string, kind: PluginKind) => Promise<JsonSchema | undefined>;

/** JSON Schema (draft 2020-12) of what may be written into a configuration file. */
export function gatewayJsonSchema(): JsonSchema {
  return {
    title: 'Wattproof gateway configuration',
    ...(z.toJSONSchema(gatewayConfigSchema, { io: 'input' }) as JsonSchema),
  };
}

/** The same with the blocks of plugins filled in: `anchors.bitcoin` gets what that package accepts. */
export function withPluginSchemas(
  schema: JsonSchema,
  blocks: readonly { readonly path: Path; readonly use: string; readonly schema: JsonSchema }[],
): JsonSchema {
  const copy = structuredClone(schema) as MutableSchema;
  for (const { path, use, schema: block } of blocks) {
    const { $schema: _, ...rest } = block;
    const properties = { use: { const: use }, ...(rest.properties as object | undefined) };
    const required = ['use', ...((rest.required as string[] | undefined) ?? [])];
    let node = copy;
    for (const key of path) {
      node.properties ??= {};
      node = node.properties[key] ??= {};
    }
    Object.assign(node, rest, { properties, required });
  }
  return copy;
}

interface MutableSchema {
  [key: string]: unknown;
  properties?: Record<string, MutableSchema>;
}

/** The schemas that may apply at the end of `path`: several under a union, none for an unknown key. */
export function schemasAt(root: JsonSchema, path: Path): readonly JsonSchema[] {
  let found = alternatives(root);
  for (const key of path)
    found = found.flatMap((schema) => child(schema, key)).flatMap(alternatives);
  return found;
}

export function typesOf(schemas: readonly JsonSchema[]): ReadonlySet<string> {
  return new Set(
    schemas.flatMap((schema) => {
      if (Array.isArray(schema.type)) return schema.type;
      if (typeof schema.type === 'string') return [schema.type];
      const values = Array.isArray(schema.enum)
        ? schema.enum
        : 'const' in schema
          ? [schema.const]
          : [];
      return values.map((value) => typeof value);
    }),
  );
}

/** Names of the properties an object may have here. */
export function propertyNames(schemas: readonly JsonSchema[]): readonly string[] {
  return schemas.flatMap((schema) => Object.keys((schema.properties as object | undefined) ?? {}));
}

function alternatives(schema: JsonSchema): readonly JsonSchema[] {
  const nested = [schema.anyOf, schema.oneOf].flatMap((list) =>
    Array.isArray(list) ? (list as JsonSchema[]) : [],
  );
  if (nested.length === 0) return [schema];
  // A mark on the union itself holds for each of its members but those that only say where the secret is: `{ file }`.
  return nested.flatMap((member) =>
    alternatives(schema.secret === true && !member.properties ? marked(member) : member),
  );
}

const marked = (schema: JsonSchema): JsonSchema => ({ ...schema, secret: true });

/** Whatever is in something secret is secret. */
function child(schema: JsonSchema, key: string | number): readonly JsonSchema[] {
  const found = memberOf(schema, key);
  return schema.secret === true ? found.map(marked) : found;
}

function memberOf(schema: JsonSchema, key: string | number): readonly JsonSchema[] {
  if (typeof key === 'number') return isSchema(schema.items) ? [schema.items] : [];
  const properties = schema.properties as Record<string, JsonSchema> | undefined;
  if (properties && Object.hasOwn(properties, key)) return [properties[key] as JsonSchema];
  // `{}` says "anything": the unknown inside of a plugin's block.
  return isSchema(schema.additionalProperties) ? [schema.additionalProperties] : [];
}

function isSchema(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null;
}
