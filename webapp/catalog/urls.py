from django.urls import path

from webapp.catalog import views

urlpatterns = [path("models", views.models, name="models"), path("docs", views.docs, name="docs")]
