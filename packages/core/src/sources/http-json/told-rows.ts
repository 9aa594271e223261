import type { DeviceDesk } from '../../spi/index.js';

/** Rows of one answer that are told one by one. */
const MAX_TOLD = 20;

/** Tells what of one answer came to nothing: the first rows, and how many more. */
export class ToldRows {
  private count = 0;

  constructor(
    private readonly desk: Pick<DeviceDesk, 'deadLetter'>,
    private readonly source: string,
  ) {}

  async tell(code: string, detail: string, row: object): Promise<void> {
    this.count += 1;
    if (this.count <= MAX_TOLD) await this.letter(code, detail, JSON.stringify(row));
  }

  async end(): Promise<void> {
    const more = this.count - MAX_TOLD;
    if (more > 0) await this.letter('more_rows', `${more} more rows of this answer are like them`);
  }

  private letter(code: string, detail: string, text = ''): Promise<void> {
    const bytes = Buffer.from(text, 'utf8');
    return this.desk.deadLetter({ source: this.source, code, detail, bytes });
  }
}
