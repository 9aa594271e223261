import type { StandardJSONSchemaV1, StandardSchemaV1 } from '@standard-schema/spec';
import type { Plugin } from '../spi/index.js';
import type { ConfigProblem } from './plugin-errors.js';

export type JsonSchema = { readonly [key: string]: unknown };

/** Validates one plugin's block; every bad field is named by its path from the top of the file. */
export async function validatePluginConfig(
  schema: StandardSchemaV1,
  value: unknown,
  path: string,
): Promise<
  | { readonly value: unknown; readonly problems?: undefined }
  | { readonly problems: readonly ConfigProblem[] }
> {
  const result = await schema['~standard'].validate(value);
  if (!result.issues) return { value: result.value };
  return {
    problems: result.issues.map((issue) => ({
      path: [path, ...(issue.path ?? []).map(segmentText)].join('.'),
      message: issue.message,
    })),
  };
}

function segmentText(segment: PropertyKey | StandardSchemaV1.PathSegment): string {
  return String(typeof segment === 'object' ? segment.key : segment);
}

/** The block's JSON Schema when the plugin's schema library can give one (Standard JSON Schema). */
export function pluginJsonSchema(plugin: Plugin): JsonSchema | undefined {
  const standard = plugin.config['~standard'] as Partial<StandardJSONSchemaV1.Props>;
  try {
    return standard.jsonSchema?.input({ target: 'draft-2020-12' });
  } catch {
    // A schema with transforms may have no JSON form; the block is then documented by the plugin alone.
    return undefined;
  }
}
