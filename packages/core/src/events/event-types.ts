/** Every type of event the gateway commits, and what it says; docs/events.md tells their data. */
export const EVENT_TYPES = {
  'reading.accepted': 'A reading was stored and counts.',
  'reading.flagged': 'A reading was stored and counts; something about it is unusual.',
  'reading.quarantined': 'A reading was stored, counts nothing, and waits for an operator.',
  'reading.contested':
    'Two owners read the same meter within 15 minutes; each hears of their own entry.',
  'reading.released': 'An operator let a quarantined reading in.',
  'reading.rejected': 'An operator turned a quarantined reading down.',
  'meter.registered': 'A meter was registered.',
  'meter.claimed': 'Somebody else tried to register the meter.',
  'meter.state': 'The meter moved from one state to another.',
  'meter.minting_suspended':
    'Nothing of the meter may be minted, certified or sold until an operator has looked at it.',
  'meter.minting_resumed': 'It may be again.',
  'meter.registers': 'What the registers of the meter measure was said anew.',
  'meter.key_registered': 'A meter was registered with its first key.',
  'meter.key_rotated': 'Another key signs for the meter, by the word of the one before it.',
  'meter.key_revoked': 'A key does not sign for the meter any more.',
  'meter.key_corrected':
    'An operator had read a key wrongly off the device, and says which it is; nothing was signed with the wrong one.',
  'meter.key_proven':
    'A reading came that is signed with a key of which only an operator had said whose it is.',
  'meter.key_recovery_asked':
    'Somebody without the old key asks that another one signs for the meter.',
  'meter.key_recovery_approved': 'That was granted.',
  'meter.key_recovery_rejected': 'That was turned down.',
  'meter.transfer_offered': 'The meter was offered to another account.',
  'meter.transfer_withdrawn': 'The offer was taken back.',
  'meter.transfer_accepted': 'The meter has another owner, from an instant on.',
  'device.alert': 'A device tells of an emergency.',
  'device.alert_cleared': 'Somebody has looked at it.',
  'delivery.progress': 'A device tells how far a delivery is.',
  'command.answered': 'A device has answered what it was asked.',
  'command.timeout': 'It has not, and the time is over.',
  'claim.accepted': 'Measured energy was used: a token, a certificate, a sale.',
  'energy.shortfall': 'A correction left less energy than was used.',
  'batch.sealed': 'A batch was sealed.',
  'anchor.included': 'A checkpoint stands on a ledger.',
  'anchor.final': 'A checkpoint is final on a ledger.',
  'anchor.reorged': 'A checkpoint is no longer on a ledger; it is published again.',
  'anchor.failed': 'A checkpoint could not be published.',
  'anchor.alert': 'An anchor needs a person.',
  'audit.accepted': 'The log states who did what.',
  'device-key.accepted': 'The log states something of a key of a meter.',
  'finding.accepted': 'The log states what a detector found in a reading.',
  'erasure.accepted': 'The log states that content was erased.',
  'webhook.failing': 'Deliveries to an endpoint have been given up.',
  'webhook.disabled': 'An endpoint took nothing for so long that nothing is sent there any more.',
  'webhook.missed': 'The queue of an endpoint is full; what comes now has to be replayed.',
  'webhook.test': 'What POST /webhooks/{id}/test sends.',
} as const satisfies Readonly<Record<string, string>>;

/** Whether the type is named, or with `meter.*` its family. */
export function isOneOf(type: string, names: readonly string[]): boolean {
  return names.some((name) =>
    name.endsWith('.*') ? type.startsWith(name.slice(0, -1)) : type === name,
  );
}

/** The types that are named, families taken apart. */
export function typesNamed(names: readonly string[]): readonly string[] {
  const known = Object.keys(EVENT_TYPES);
  return names.flatMap((name) =>
    name.endsWith('.*') ? known.filter((type) => isOneOf(type, [name])) : [name],
  );
}

/** Whether `text` names a type, or with `meter.*` a family of them. */
export function isEventType(text: string): boolean {
  if (Object.hasOwn(EVENT_TYPES, text)) return true;
  return (
    /^[a-z-]+\.\*$/.test(text) &&
    Object.keys(EVENT_TYPES).some((type) => type.startsWith(text.slice(0, -1)))
  );
}
