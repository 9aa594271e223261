// What words about an SPV proof that must be refused mean.
const bytesOf = (hex) => Uint8Array.from(Buffer.from(hex, 'hex'));
const internal = (hex) => bytesOf(hex).reverse();

/** The call that says whether the product refuses what the words tell of; undefined for words nobody knows. */
export function spvRefusal(reason, group, product) {
  return REFUSALS.find(([words]) => words.test(reason))?.[1].bind(undefined, group, product);
}

const REFUSALS = [
  [/64[- ]byte|CVE-2017-12842/i, ambiguous],
  [/above the target|proof of work|\bPoW\b|nonce|does not meet/i, workless],
  [/\bbits\b|compact|difficulty|overflow|negative/i, impossibleTarget],
  [/merkle root|\broot\b/i, otherRoot],
  [/left sibling|repeated|duplicat|CVE-2012-2459/i, repeated],
  [/longer|shorter|depth|length|empty|levels?\b/i, otherDepth],
  [/index|position|offset|coinbase/i, otherIndex],
  [/header.*(short|long|bytes|80)/i, otherHeaderLength],
  [/(flip|alter|tamper|chang|wrong|other|missing|absent|not (in|part)|witness|wtxid)/i, tampered],
];

const branchOf = ({ branches, txids }, at = 0) => ({
  leaf: internal(branches[at].txid),
  index: branches[at].index,
  depth: Math.ceil(Math.log2(txids.length)),
  branch: branches[at].branch_display_order.map(internal),
});

const leads = (claim, { header_hex: header }, { branchRoot, readHeader }) => {
  const { root } = branchRoot(claim);
  return (
    root !== undefined &&
    Buffer.from(root).equals(Buffer.from(readHeader(bytesOf(header)).merkleRoot))
  );
};

/** Two hashes that make an inner node, offered as a transaction. */
function ambiguous({ txids }, { isAmbiguous }) {
  return isAmbiguous(Uint8Array.from([...internal(txids[0]), ...internal(txids[1] ?? txids[0])]));
}

function workless({ header_hex: header }, { readHeader }) {
  const bytes = bytesOf(header);
  bytes[79] ^= 1;
  const harder = bytesOf(header);
  harder[75] = 0x03;
  return readHeader(bytes)?.workDone !== true && readHeader(harder)?.workDone !== true;
}

/** Targets that are negative, zero or beyond 256 bits. */
function impossibleTarget({ header_hex: header }, { readHeader }) {
  return ['01008000', '00000000', 'ffff7fff', '000080ff'].every((bits) => {
    const bytes = bytesOf(header);
    bytes.set(bytesOf(bits), 72);
    return readHeader(bytes)?.workDone !== true;
  });
}

function otherRoot(group, product) {
  const bytes = bytesOf(group.header_hex);
  bytes[36] ^= 1;
  const changed = { ...group, header_hex: Buffer.from(bytes).toString('hex') };
  return (
    !leads(branchOf(group), changed, product) &&
    product.readHeader(bytes)?.hash !== group.block_hash
  );
}

function repeated(group, product) {
  const right = group.branches.findIndex(({ index }) => index % 2 === 1);
  const left = branchOf(group, Math.max(right, 0));
  const twin = { ...left, branch: [left.leaf, ...left.branch.slice(1)] };
  const first = branchOf(group, 0);
  const same = { ...first, branch: [first.leaf, ...first.branch.slice(1)] };
  return [twin, same].every((claim) => 'refused' in product.branchRoot(claim));
}

function otherDepth(group, { branchRoot }) {
  const claim = branchOf(group);
  const branches = [
    claim.branch.slice(1),
    claim.branch.slice(0, -1),
    [...claim.branch, claim.leaf],
  ];
  return branches
    .filter(({ length }) => length !== claim.branch.length)
    .every((branch) => 'refused' in branchRoot({ ...claim, branch }));
}

function otherIndex(group, product) {
  const claim = branchOf(group);
  return [claim.index + 1, group.txids.length, -1, 0.5].every(
    (index) => !leads({ ...claim, index }, group, product),
  );
}

function otherHeaderLength({ header_hex: header }, { readHeader }) {
  const bytes = bytesOf(header);
  return [bytes.slice(1), bytes.slice(0, -1), Uint8Array.from([...bytes, 0])].every(
    (other) => readHeader(other) === undefined,
  );
}

function tampered(group, product) {
  const claim = branchOf(group);
  const leaf = claim.leaf.map((byte, i) => (i === 0 ? byte ^ 1 : byte));
  return !leads({ ...claim, leaf }, group, product);
}
