/* health.h - what probes ask, and what the service says of itself.
 *
 * /livez (alias /health): the process turns its loops; never asks the database.
 * /readyz (alias /ready): every loop has its database, its keys and its signer,
 * and the service is not on its way out. Neither wants a token or tells why.
 */
#ifndef HALLMARK_API_HEALTH_H
#define HALLMARK_API_HEALTH_H

struct request;

void health_live(struct request *rq);
void health_ready(struct request *rq);

#endif
