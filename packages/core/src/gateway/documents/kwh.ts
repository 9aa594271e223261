const UWH_PER_KWH = 1_000_000_000n;

/** µWh as a decimal string of kWh, exact and without needless zeros: 8_200_000_000n is "8.2". */
export function kWhOf(energyUWh: bigint): string {
  const sign = energyUWh < 0n ? '-' : '';
  const amount = energyUWh < 0n ? -energyUWh : energyUWh;
  const fraction = String(amount % UWH_PER_KWH)
    .padStart(9, '0')
    .replace(/0+$/, '');
  return `${sign}${amount / UWH_PER_KWH}${fraction === '' ? '' : `.${fraction}`}`;
}
