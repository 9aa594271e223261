// Evidence of EVM chains: what proves a commitment by given headers, and what must be refused, and why.
const bytesOf = (hex) => Uint8Array.from(Buffer.from(hex, 'hex'));
const KNOWN = ['source', 'rule', 'cases'];

/** The runner of this family, over the verifiers of `@wattproof/anchor-evm/verify` and core's `commitmentOf`. */
export function evmEvidence(verifiers, commitmentOf) {
  return async function* run(file) {
    for (const name of Object.keys(file).filter((key) => !KNOWN.includes(key)))
      yield { name, ok: false, detail: 'this family has no group of this name' };
    for (const { mutants, ...sound } of file.cases) {
      yield await judged(sound.name, sound);
      for (const { name, path, value, expect } of mutants)
        yield await judged(`${sound.name}: ${name}`, { ...changed(sound, path, value), expect });
    }
  };

  async function judged(name, { commitment, evidence, headers, expect }) {
    const verifier = verifiers.find(({ type }) => type === evidence?.type);
    if (verifier === undefined)
      return { name, ok: false, detail: `no verifier of ${evidence?.type}` };
    if (expect === undefined) return { name, ok: false, detail: 'the case has no expected value' };
    let verdict;
    try {
      const { origin, size, root } = commitment;
      const wanted = commitmentOf(origin, BigInt(size), bytesOf(root));
      const header = async (ledger, { height }) => {
        const hex = headers?.[`${ledger} ${height}`];
        return hex === undefined ? undefined : bytesOf(hex);
      };
      const given =
        headers === null ? { trustedKeys: [] } : { headers: { header }, trustedKeys: [] };
      verdict = await verifier.verify(wanted, evidence, given);
    } catch (error) {
      return { name, ok: false, detail: `could not be evaluated: ${String(error)}` };
    }
    const got = verdict.ok
      ? { ok: true, trust: verdict.trust, not_after_ms: verdict.notAfterMs }
      : { ok: false, code: verdict.code };
    const wanted = JSON.stringify(expect);
    return JSON.stringify(got) === wanted
      ? { name, ok: true }
      : { name, ok: false, detail: `expected ${wanted}, got ${JSON.stringify(got)}` };
  }
}

/** A copy in which the member at a path is another one; without a value it is gone. */
export function changed(target, [key, ...rest], value) {
  const copy = Array.isArray(target) ? [...target] : { ...target };
  if (rest.length > 0) copy[key] = changed(copy[key], rest, value);
  else if (value === undefined) delete copy[key];
  else copy[key] = value;
  return copy;
}
