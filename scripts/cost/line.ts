/** One cost item, in the groups of the report. */
export type Group =
  | 'Database'
  | 'Cache'
  | 'Services'
  | 'Load balancing'
  | 'NAT'
  | 'Endpoints'
  | 'Public addresses'
  | 'Firewall'
  | 'Monitoring'
  | 'Logs'
  | 'Keys and secrets'
  | 'Images';

export interface Line {
  group: Group;
  what: string;
  quantity: number;
  unit: string;
  /** US dollars per unit. */
  price: number;
}

export const monthly = ({ quantity, price }: Line): number => quantity * price;

export const total = (lines: Line[]): number => lines.reduce((sum, line) => sum + monthly(line), 0);
