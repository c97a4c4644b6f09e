from django.urls import path

from webapp.costs import views

urlpatterns = [
    path("costs", views.costs, name="costs"),
    path("costs/budget", views.set_budget, name="set_budget"),
    path("costs/rates/<str:pk>", views.set_rate, name="set_rate"),
]
