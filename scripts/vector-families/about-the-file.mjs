/** Members that say something about a file and hold no cases, whatever their type; as core's runners have them. */
const ABOUT_THE_FILE =
  /^(?:sources?|notes?|comments?|description|meta(?:data)?|generator|generated|licen[cs]e|how_obtained)$/i;

/** True of a member that holds something which is neither a group of the family nor about the file itself. */
export function isUnknownGroup(name, value, known) {
  return (
    typeof value === 'object' &&
    value !== null &&
    !known.includes(name) &&
    !ABOUT_THE_FILE.test(name)
  );
}
