/**
 * Whom an address stands for when senders without a key are counted: the address itself, of IPv6 its /64 (RFC 6177: what
 * one site has at the least; else one host were 2⁶⁴ senders). Whatever form it is written in.
 */
export function networkOf(ip: string | undefined): string | undefined {
  if (ip === undefined || !ip.includes(':')) return ip;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(ip);
  if (mapped !== null) return mapped[1];
  const [head = '', tail] = ip.toLowerCase().split('%', 1)[0]!.split('::', 2);
  const groups = (text: string): string[] => (text === '' ? [] : text.split(':'));
  const front = groups(head);
  const back = groups(tail ?? '');
  const zeros = new Array<string>(Math.max(0, 8 - front.length - back.length)).fill('0');
  const network = [...front, ...zeros, ...back].slice(0, 4);
  return `${network.map((group) => Number.parseInt(group, 16).toString(16)).join(':')}::/64`;
}
