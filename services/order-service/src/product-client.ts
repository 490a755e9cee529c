import type { ServiceClient } from '@services/shared';
import type { NewOrder } from './order.ts';

export interface ReservedLine {
  productId: string;
  name: string;
  quantity: number;
  unitPriceCents: number;
}

/** product-service refused the reservation; a retry would not help. */
export class ReservationRefusedError extends Error {
  readonly status: number;
  readonly details: Record<string, unknown>;

  constructor(status: number, message: string, details: Record<string, unknown>) {
    super(message);
    this.status = status;
    this.details = details;
  }
}

interface Refusal {
  detail: string;
  reason?: string;
  productId?: string;
}

/**
 * @throws ReservationRefusedError
 * @throws DependencyUnavailableError: the stock may or may not have been reserved.
 */
export async function reserve(
  products: ServiceClient,
  orderId: string,
  lines: NewOrder['lines'],
): Promise<ReservedLine[]> {
  const { status, body } = await products.request('PUT', pathOf(orderId), { lines });
  if (status === 200) return (body as { lines: ReservedLine[] }).lines;
  if (status !== 409 && status !== 422)
    throw new Error(`product-service responded with ${status} to a reservation`);
  const { detail, reason, productId } = body as Refusal;
  throw new ReservationRefusedError(status, detail, { reason, productId });
}

/** Permanently releases the stock reserved for the order, if any. @throws DependencyUnavailableError. */
export async function release(products: ServiceClient, orderId: string): Promise<void> {
  const { status } = await products.request('DELETE', pathOf(orderId));
  if (status !== 200) throw new Error(`product-service responded with ${status} to a release`);
}

const pathOf = (orderId: string) => `/api/products/reservations/${orderId}`;
