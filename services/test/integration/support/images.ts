/** The images' names, as in the compose file. */
export const images = {
  'user-service': 'services/user-service',
  'product-service': 'services/product-service',
  'order-service': 'services/order-service',
  frontend: 'services/frontend',
  gateway: 'services/gateway',
} as const;
export type Service = keyof typeof images;
