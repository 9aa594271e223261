import { BlockList, isIP } from 'node:net';

/** Whether a connection to this address may be opened. */
export type AddressRule = (address: string) => boolean;

/** Not globally reachable: IANA's IPv4 special-purpose registry (RFC 6890), multicast and reserved space, cloud hosts' own. */
const DENIED_V4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.31.196.0/24',
  '192.52.193.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '192.175.48.0/24',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/3',
  // The platform address of Azure: public in form, answered by the host a virtual machine runs on.
  '168.63.129.16/32',
];

/** The only space that is assigned to hosts of the world: mapped, translated, local and multicast addresses lie outside. */
const GLOBAL_V6 = '2000::/3';
/** Within it: protocol assignments with Teredo, documentation, 6to4 (which carries any IPv4 address), AS112. */
const DENIED_V6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20', '2620:4f:8000::/48'];

/** `deny`: further networks in CIDR notation. `allowPrivate` lets everything be connected to but what is denied by name. */
export function addressRule(options: {
  readonly allowPrivate: boolean;
  readonly deny: readonly string[];
}): AddressRule {
  const denied = listOf([
    ...options.deny,
    ...(options.allowPrivate ? [] : [...DENIED_V4, ...DENIED_V6]),
  ]);
  const global = listOf([GLOBAL_V6]);
  return (address) => {
    const version = isIP(address);
    // A zone id names a link of this host.
    if (version === 0 || address.includes('%')) return false;
    const family = version === 4 ? 'ipv4' : 'ipv6';
    if (denied.check(address, family)) return false;
    return version === 4 || options.allowPrivate || global.check(address, family);
  };
}

function listOf(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', prefix = ''] = network.split('/');
    list.addSubnet(address, Number(prefix), isIP(address) === 4 ? 'ipv4' : 'ipv6');
  }
  return list;
}
