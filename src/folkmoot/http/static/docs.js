// Starts Swagger UI; a file of its own, because the page's policy forbids inline scripts.
SwaggerUIBundle({ url: "/openapi.json", dom_id: "#swagger-ui", deepLinking: true, validatorUrl: null });
