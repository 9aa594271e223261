import type { Jobs } from '../../spi/index.js';

type Work = Parameters<Jobs['every']>[2];

/** Periodic work that runs when the test says so. */
export class DrivenJobs implements Jobs {
  readonly work = new Map<string, Work>();

  every(name: string, _everyMs: number, work: Work): void {
    this.work.set(name, work);
  }
  async run(name: string): Promise<void> {
    const work = this.work.get(name);
    if (!work)
      throw new Error(
        `No job "${name}" was declared. There are: ${[...this.work.keys()].join(', ')}.`,
      );
    await work(new AbortController().signal);
  }
}
