import { z } from 'zod';
import type { AnchorStatus } from './anchor-status.js';

/** When a batch counts as anchored, over several anchors. Absent: as soon as one of them holds it. */
export const batchRuleSchema = z.strictObject({
  require: z
    .union([z.enum(['any', 'all']), z.strictObject({ atLeast: z.number().int().min(1).max(100) })])
    .default('any')
    .describe('How many anchors have to hold a batch: any, all, or { atLeast: n }.'),
  of: z
    .array(z.string().min(1))
    .min(1)
    .optional()
    .describe('Instance ids of the anchors that count; absent: every configured one.'),
});

/** The rule with its anchors named. */
export interface BatchRule {
  /** In configuration order. */
  readonly of: readonly string[];
  /** At least 1: what nothing holds is not anchored. */
  readonly required: number;
}

/** How far a batch has come under the rule. */
export interface BatchAnchoring {
  /** `anchored` when as many as required include it, `final` when it is final on as many. */
  readonly state: 'pending' | 'anchored' | 'final';
  /** Anchors that count and hold it, by themselves or by a later checkpoint. */
  readonly included: readonly string[];
  /** Of these, where it is final. */
  readonly final: readonly string[];
}

/** What of a rule cannot be met with these anchors, by path below the section. */
export function batchRuleProblems(
  { require, of }: z.output<typeof batchRuleSchema>,
  anchors: readonly string[],
): readonly { readonly path: readonly (string | number)[]; readonly message: string }[] {
  const known = `configured: ${anchors.join(', ') || 'none'}`;
  const counted = of ?? anchors;
  const problems = counted.flatMap((id, index) => {
    if (!anchors.includes(id))
      return [{ path: ['of', index], message: `there is no anchor "${id}"; ${known}` }];
    if (counted.indexOf(id) < index)
      return [{ path: ['of', index], message: `"${id}" stands here twice and counts once` }];
    return [];
  });
  if (typeof require === 'object' && require.atLeast > counted.length)
    return [
      ...problems,
      {
        path: ['require', 'atLeast'],
        message: `asks for ${require.atLeast} of ${counted.length} anchors; no batch would ever count as anchored`,
      },
    ];
  return problems;
}

export function batchRuleOf(
  { require, of }: z.output<typeof batchRuleSchema>,
  anchors: readonly string[],
): BatchRule {
  const counted = of === undefined ? anchors : anchors.filter((id) => of.includes(id));
  const wanted =
    typeof require === 'object' ? require.atLeast : require === 'all' ? counted.length : 1;
  return { of: counted, required: Math.max(1, wanted) };
}

/**
 * What the rule says of a batch whose statuses these are. A reorganised inclusion counts for nothing until a block
 * holds it again, so a batch can fall back.
 */
export function batchAnchoring(
  statuses: readonly Pick<AnchorStatus, 'anchor' | 'state'>[],
  { of, required }: BatchRule,
): BatchAnchoring {
  const counted = statuses.filter(({ anchor }) => of.includes(anchor));
  const final = counted.filter(({ state }) => state === 'final').map(({ anchor }) => anchor);
  const included = counted
    .filter(({ state }) => state === 'included' || state === 'final')
    .map(({ anchor }) => anchor);
  const met = (reached: readonly string[]): boolean => reached.length >= required;
  return { state: met(final) ? 'final' : met(included) ? 'anchored' : 'pending', included, final };
}

/**
 * Batches from the first on that the rule is met for, when every anchor holds the log up to its size here: a later
 * checkpoint covers all earlier batches.
 */
export function sizeUnderRule(
  sizes: ReadonlyMap<string, bigint>,
  { of, required }: BatchRule,
): bigint {
  const largestFirst = of.map((id) => sizes.get(id) ?? 0n).toSorted((a, b) => Number(b - a));
  return largestFirst[required - 1] ?? 0n;
}
