/* health.h - what probes and scrapers ask of the service, as routes.
 *
 * /livez (alias /health): the process turns its loops; never asks the database.
 * /readyz (alias /ready): every loop has its database, its keys and its signer,
 * and the service is not on its way out; else it says why, in a few constant words.
 * Neither wants a token.
 * /metrics: see api/exposition.h.
 */
#ifndef HALLMARK_API_HEALTH_H
#define HALLMARK_API_HEALTH_H

struct request;

void health_live(struct request *rq);
void health_ready(struct request *rq);
void metrics_show(struct request *rq);

#endif
