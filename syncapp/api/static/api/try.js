"use strict";

const place = document.getElementById("swagger");

SwaggerUIBundle({
  url: place.dataset.document,
  domNode: place,
  presets: [SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
  deepLinking: true,
  displayRequestDuration: true,
  docExpansion: "list",
  persistAuthorization: false, // a key does not stay in the browser
  tryItOutEnabled: true,
  validatorUrl: null, // would ask a server elsewhere
});
