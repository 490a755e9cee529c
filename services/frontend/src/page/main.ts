import { config } from './config.ts';
import { element, part } from './element.ts';
import { takeOrders } from './orders.ts';
import { watchReleases } from './releases.ts';
import { showProducts } from './shop.ts';

part('environment').textContent = config.environment;
document.title = `Store · ${config.environment}`;
watchReleases();
takeOrders();
showProducts().catch((error: unknown) => {
  const reason = error instanceof Error ? error.message : String(error);
  part('products').replaceChildren(
    element('li', { class: 'empty' }, `Failed to load the products: ${reason}.`),
  );
});
