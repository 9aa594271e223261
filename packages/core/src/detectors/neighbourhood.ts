import { cosineOf } from './sun-elevation.js';

interface Place {
  readonly latitude: number;
  readonly longitude: number;
}

/** Kilometres of a degree of latitude. */
const KM_PER_DEGREE = 111.2;
/** Cells are a tenth of a degree, as places are registered. */
const CELLS_PER_DEGREE = 10;

/** Who is near whom, of the registers that are known. */
export class Neighbourhood {
  private readonly places = new Map<string, Place & { readonly kind: string }>();
  /** Keys by kind and cell. */
  private readonly cells = new Map<string, Set<string>>();

  constructor(private readonly limits: { readonly km: number; readonly most: number }) {}

  /** `kind`: only registers of one kind are compared. */
  add(key: string, kind: string, place: Place): void {
    const known = this.places.get(key);
    if (known?.latitude === place.latitude && known.longitude === place.longitude) return;
    this.remove(key);
    this.places.set(key, { ...place, kind });
    const name = cellOf(kind, place);
    const cell = this.cells.get(name) ?? new Set();
    this.cells.set(name, cell.add(key));
  }

  remove(key: string): void {
    const place = this.places.get(key);
    if (place === undefined) return;
    this.places.delete(key);
    const name = cellOf(place.kind, place);
    const cell = this.cells.get(name);
    cell?.delete(key);
    if (cell?.size === 0) this.cells.delete(name);
  }

  /** The nearest first; of equally near ones in the order they became known. */
  near(key: string): readonly string[] {
    const own = this.places.get(key);
    if (own === undefined) return [];
    const kmPerDegreeEast = Math.max(1, KM_PER_DEGREE * cosineOf(own.latitude));
    const reach = (kmPerDegree: number): number =>
      Math.min(90, Math.ceil((this.limits.km / kmPerDegree) * CELLS_PER_DEGREE));
    const [north, east] = [reach(KM_PER_DEGREE), reach(kmPerDegreeEast)];
    const found: (readonly [km: number, key: string])[] = [];
    for (let up = -north; up <= north; up += 1)
      for (let right = -east; right <= east; right += 1) {
        const latitude = own.latitude + up / CELLS_PER_DEGREE;
        const longitude = own.longitude + right / CELLS_PER_DEGREE;
        for (const other of this.cells.get(cellOf(own.kind, { latitude, longitude })) ?? []) {
          const place = this.places.get(other) as Place;
          const dy = (place.latitude - own.latitude) * KM_PER_DEGREE;
          const dx = (place.longitude - own.longitude) * kmPerDegreeEast;
          const km = Math.sqrt(dx * dx + dy * dy);
          if (other !== key && km <= this.limits.km) found.push([km, other]);
        }
      }
    return found
      .sort(([a], [b]) => a - b)
      .slice(0, this.limits.most)
      .map(([, other]) => other);
  }
}

function cellOf(kind: string, { latitude, longitude }: Place): string {
  return `${Math.round(latitude * CELLS_PER_DEGREE)} ${Math.round(longitude * CELLS_PER_DEGREE)} ${kind}`;
}
