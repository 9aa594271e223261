import type { SubmitAnswer } from '@wattproof/core/messages';
import type { AnsweredItem } from '@wattproof/core/testing';

/** A gateway said that sending a message again changes nothing. */
export class Refused extends Error {}

/** What was answered of each reading; undefined when the message has to be sent again. */
export function itemsOf(answer: SubmitAnswer): readonly AnsweredItem[] | undefined {
  if (answer.kind === 'refused') throw new Refused(`${answer.code}: ${answer.detail}`);
  return answer.kind === 'items' ? (answer.items as readonly AnsweredItem[]) : undefined;
}
